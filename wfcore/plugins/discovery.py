"""Finding installed plugins: the entry points of the group `wfcore.plugins`, none imported yet."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["GROUP", "OWN", "Discovery", "Installed", "find_installed"]

GROUP: Final = "wfcore.plugins"
OWN: Final = "wfcore"
"""The distribution whose plugins come with the engine."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What of the installed plugins is loaded, and what beside them.

    Names are those of distributions, `*` and `?` allowed; `block` takes those of entry points too.
    `allow` does not: any distribution may name its entry point after another's.
    """

    allow: tuple[str, ...] | None = None
    """Only these, and what comes with wfcore itself; None: all."""
    block: tuple[str, ...] = ()
    """None of these, allowed or not."""
    strict: bool = False
    """Whether a broken plugin is an error, rather than left out."""
    folders: tuple[Path, ...] = ()
    """Folders whose Python files and packages are plugins, with no packaging."""
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """What the operator set for plugins' settings models, credentials too: `shout_token`."""

    def refusal(self, installed: "Installed") -> str | None:
        """Say why an installed plugin is not to be loaded, None where it is."""
        distribution = _canonical(installed.distribution)
        if _matches((distribution, installed.name.lower()), self.block):
            return "APP_PLUGINS_BLOCK names it"
        if self.allow is None or distribution == OWN or _matches((distribution,), self.allow):
            return None
        return f"APP_PLUGINS_ALLOW does not name its distribution, {installed.distribution!r}"


@dataclass(frozen=True, slots=True)
class Installed:
    """One entry point and the distribution that it belongs to.

    Where the distribution's metadata cannot be read there is no entry point, but `fault`.
    """

    name: str
    module: str
    distribution: str
    version: str
    entry_point: EntryPoint | None
    fault: Exception | None = None


def find_installed() -> list[Installed]:
    """Return every plugin that is installed, by distribution and name, whatever the search path."""
    try:
        found = [_installed(point) for point in entry_points(group=GROUP)]
    except Exception:  # noqa: BLE001 - one unreadable entry_points.txt fails the call for all
        found = list(_one_by_one())
    return sorted(found, key=lambda one: (_canonical(one.distribution), one.name, one.module))


def _installed(point: EntryPoint) -> Installed:
    name, version = _identity(point.dist)
    return Installed(point.name, point.value, name, version, point)


def _one_by_one() -> Iterator[Installed]:
    seen: set[str] = set()
    for distribution in distributions():
        name, version = _identity(distribution)
        # Of two copies on the search path the first one counts, as it does for imports.
        if _canonical(name) in seen:
            continue
        seen.add(_canonical(name))
        try:
            points = distribution.entry_points.select(group=GROUP)
            yield from (Installed(p.name, p.value, name, version, p) for p in points)
        except Exception as error:  # noqa: BLE001 - metadata raises whatever its parsers raise
            yield Installed(name, "entry_points.txt", name, version, None, error)


def _identity(distribution: Distribution | None) -> tuple[str, str]:
    if distribution is None:
        return "unknown", "unknown"
    try:
        return distribution.name or "unknown", distribution.version or "unknown"
    except Exception:  # noqa: BLE001 - a distribution without metadata still has its plugin
        return "unknown", "unknown"


def _matches(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    wanted = {form for each in patterns for form in (each.lower(), _canonical(each))}
    return any(fnmatchcase(name, pattern) for name in names for pattern in wanted)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
