"""What an engine's plugins registered. It never changes after it is loaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from wfcore.errors import PluginError
from wfcore.plugins.handler import Handler
from wfcore.plugins.hookspecs import Templaters, Validator
from wfcore.problems import did_you_mean

__all__ = ["PluginReport", "Registry"]


@dataclass(frozen=True, slots=True)
class PluginReport:
    """How loading one plugin went.

    `name` is the entry point's, `module` what it points to; for a plugin that was given to the
    engine, its module, class or file. `seconds` is what importing and registering took.
    `handlers` and `hooks` are what a loaded plugin registered; of a broken one, `handlers` are
    the names that it most likely would have, and `error` and `traceback` say what went wrong.
    """

    name: str
    module: str
    status: Literal["loaded", "broken"]
    seconds: float
    distribution: str | None = None
    version: str | None = None
    hooks: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    error: str | None = None
    traceback: str | None = None

    @property
    def origin(self) -> str:
        """Where the plugin comes from, as error messages name it."""
        if self.distribution is None:
            return f"plugin {self.name!r}"
        return f"distribution {self.distribution} {self.version} (entry point {self.name!r})"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object that the API and `--output json` show."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Registry:
    """The parts of all plugins, in the order in which they were loaded, and the reports."""

    handlers: Mapping[str, Handler] = field(default_factory=lambda: MappingProxyType({}))
    validators: tuple[Validator, ...] = ()
    templaters: Templaters = field(default_factory=Templaters)
    reports: tuple[PluginReport, ...] = ()
    sources: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What registered each handler: an entry point, a plugin that was given, or the handler."""

    def handler(self, name: str) -> Handler:
        """Return the handler of this name.

        Raises:
            PluginError: there is none; says whether its plugin is broken, or which name is near.

        """
        found = self.handlers.get(name)
        if found is not None:
            return found
        broken = self.broken_handler_owner(name)
        if broken is not None:
            raise PluginError(
                f"handler {name!r} is installed but broken: {broken.origin}: {broken.error}"
            )
        hint = did_you_mean(name, self.handlers)
        raise PluginError(f"no handler {name!r}" + (f"; {hint}" if hint else ""))

    def broken_handler_owner(self, name: str) -> PluginReport | None:
        """Return the broken plugin that most likely has the handler of this name, if there is one.

        A plugin that could not be imported cannot be asked: its source is read for the name.
        """
        for report in self.reports:
            if report.status == "broken" and name in report.handlers:
                return report
        return None
