"""Where each handler of an engine runs, decided before anything is opened."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from wfcore.errors import PluginError
from wfcore.isolation.levels import Isolation, Level
from wfcore.isolation.origin import Origin, origin_of
from wfcore.plugins.registry import Registry, Source
from wfcore.problems import did_you_mean

__all__ = ["Placement", "place"]

_log = logging.getLogger(__name__)
_WILD: Final = frozenset("*?[")
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Placement:
    """The level of every handler, by name, and the origins of those that run in processes."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    processes: int = 1
    settings: Mapping[Origin, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """What the plugins of these origins read their settings from: their own, and no other's."""


def place(registry: Registry, isolation: Isolation | Mapping[str, str] | None) -> Placement:
    """Decide where handlers run.

    Raises:
        InvalidIsolation: a level that is none.
        PluginError: a handler is to run in a process of its own, and cannot be loaded there.

    """
    chosen = isolation if isinstance(isolation, Isolation) else Isolation(isolation)
    _warn_of_strangers(chosen.levels, registry.handlers)
    levels: dict[str, Level] = {name: chosen.level_of(name) for name in registry.handlers}
    origins = {
        name: _origin(name, registry.sources[name])
        for name, level in levels.items()
        if level == "process"
    }
    settings = {
        origin: _settings(registry.sources[name], registry) for name, origin in origins.items()
    }
    return Placement(levels, origins, chosen.processes, settings)


def _settings(source: Source, registry: Registry) -> dict[str, str]:
    # By name, not by prefix: `acme_text_token` is of the plugin `acme_text`, not of `acme`.
    given = registry.variables
    return {name: given[name] for name in source.settings if name in given}


def _origin(name: str, source: Source) -> Origin:
    try:
        return origin_of(source)
    except PluginError as error:
        message = f"handler {name!r} cannot run in a process of its own: {error}"
        raise PluginError(message) from error


def _warn_of_strangers(levels: Mapping[str, Level], handlers: Iterable[str]) -> None:
    """Say that a handler is not there: where its name is misspelt, the real one is not isolated."""
    names = set(handlers)
    for pattern, level in levels.items():
        if pattern == _ANY or any(fnmatchcase(name, pattern) for name in names):
            continue
        if not _WILD.isdisjoint(pattern):
            _log.warning("isolation: no handler that fits %r is here to run as %s", pattern, level)
        elif pattern not in names:
            hint = did_you_mean(pattern, sorted(names))
            end = f"; {hint}" if hint else ""
            _log.warning("isolation: no handler %r is here to run as %s%s", pattern, level, end)
