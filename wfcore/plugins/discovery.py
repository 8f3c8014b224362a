"""Finding installed plugins: the entry points of the group `wfcore.plugins`, none imported yet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import Final

__all__ = ["GROUP", "Installed", "find_installed"]

GROUP: Final = "wfcore.plugins"


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


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
