"""The parts of all plugins put together; what two of them call alike is a clash that names both."""

from collections.abc import Iterable
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final

from wfcore.errors import PluginError
from wfcore.plugins.contribution import Contribution
from wfcore.plugins.hookspecs import Templaters
from wfcore.plugins.registry import PluginReport, Registry

__all__ = ["Collection"]

_NAMED: Final = {
    "handlers": "handler",
    "llm_providers": "LLM provider",
    "stores": "store scheme",
    "buses": "bus scheme",
}
_LISTED: Final = ("validators", "secret_sources", "event_sinks", "middlewares")


class Collection:
    """Everything registered so far."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, Any]] = {part: {} for part in _NAMED}
        self._templaters: dict[str, dict[str, Any]] = {part.name: {} for part in fields(Templaters)}
        self._listed: dict[str, list[Any]] = {part: [] for part in _LISTED}
        self._owners: dict[tuple[str, str], str] = {}
        self._clashes: list[str] = []

    def add(self, owner: str, contribution: Contribution) -> None:
        """Take what a plugin registers."""
        for part, kind in _NAMED.items():
            self._merge(kind, self._named[part], getattr(contribution, part), owner)
        for part, names in self._templaters.items():
            # filters -> template filter
            given = getattr(contribution.templaters, part)
            self._merge(f"template {part[:-1]}", names, given, owner)
        for part, found in self._listed.items():
            found.extend(getattr(contribution, part))

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

    def _merge(self, kind: str, into: dict[str, Any], names: Any, owner: str) -> None:
        for name, value in names.items():
            other = self._owners.setdefault((kind, name), owner)
            if into.setdefault(name, value) is not value:
                self._clashes.append(
                    f"{kind} {name!r} is registered twice: by {other}, and by {owner};"
                    " use only one of them"
                )
