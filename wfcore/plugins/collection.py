"""The parts of all plugins put together; what two of them call alike is a clash that names both."""

from collections.abc import Iterable
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from wfcore.errors import PluginError
from wfcore.plugins.contribution import Contribution
from wfcore.plugins.discovery import OWN
from wfcore.plugins.hookspecs import Templaters
from wfcore.plugins.registry import PluginReport, Registry

__all__ = ["Collection", "Owner"]

_NAMED: Final = {
    "handlers": "handler",
    "llm_providers": "LLM provider",
    "stores": "store scheme",
    "buses": "bus scheme",
}
_LISTED: Final = ("validators", "secret_sources", "event_sinks", "middlewares")


class Owner(NamedTuple):
    """Who registers something, as messages name it; and as settings do, where it is installed."""

    origin: str
    distribution: str | None = None
    entry_point: str = ""


class Collection:
    """Everything registered so far."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, Any]] = {part: {} for part in _NAMED}
        self._templaters: dict[str, dict[str, Any]] = {part.name: {} for part in fields(Templaters)}
        self._listed: dict[str, list[Any]] = {part: [] for part in _LISTED}
        self._owners: dict[tuple[str, str], Owner] = {}
        self._clashes: list[str] = []

    def add(self, owner: Owner, contribution: Contribution) -> None:
        """Take what a plugin registers."""
        for part, kind in _NAMED.items():
            self._merge(kind, self._named[part], getattr(contribution, part), owner)
        for part, names in self._templaters.items():
            # filters -> template filter
            given = getattr(contribution.templaters, part)
            self._merge(f"template {part[:-1]}", names, given, owner)
        for part, found in self._listed.items():
            found.extend(getattr(contribution, part))

    @property
    def clashes(self) -> tuple[str, ...]:
        """What two plugins register under one name, in words."""
        return tuple(self._clashes)

    def registry(self, reports: Iterable[PluginReport]) -> Registry:
        """Return all of it; raises `PluginError` where names clash."""
        if self._clashes:
            raise PluginError("\n".join(self._clashes))
        templaters = {part: MappingProxyType(names) for part, names in self._templaters.items()}
        parts: dict[str, Any] = {
            **{part: MappingProxyType(names) for part, names in self._named.items()},
            **{part: tuple(found) for part, found in self._listed.items()},
        }
        return Registry(**parts, templaters=Templaters(**templaters), reports=tuple(reports))

    def _merge(self, kind: str, into: dict[str, Any], names: Any, owner: Owner) -> None:
        for name, value in names.items():
            other = self._owners.setdefault((kind, name), owner)
            if into.setdefault(name, value) is not value:
                self._clashes.append(
                    f"{kind} {name!r} is registered twice: by {other.origin}, and by"
                    f" {owner.origin}; use only one of them{_remedy(other, owner)}"
                )


def _remedy(*owners: Owner) -> str:
    """Return how an operator leaves one of two out; what comes with wfcore cannot be meant."""
    installed = [each for each in owners if each.distribution not in (None, OWN)]
    alike = len({each.distribution for each in owners}) == 1
    names = dict.fromkeys(
        each.entry_point if alike else f"{each.distribution}" for each in installed
    )
    return f" ({' or '.join(f'APP_PLUGINS_BLOCK={name}' for name in names)})" if names else ""
