"""What an engine's plugins registered. It never changes after it is loaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from wfcore.bus.events import EventSink
from wfcore.errors import PluginError
from wfcore.plugins.credential import OPEN_SETTINGS
from wfcore.plugins.handler import Handler
from wfcore.plugins.hookspecs import BusFactory, Middleware, StoreFactory, Templaters, Validator
from wfcore.plugins.llm import LlmProvider
from wfcore.plugins.settings import PluginSetting, settings_prefix
from wfcore.problems import did_you_mean
from wfcore.secrets.source import SecretSource

__all__ = ["SLOW_SECONDS", "PluginReport", "Registry", "Source"]

SLOW_SECONDS: Final = 1.0
"""A plugin that takes longer to load is said to be slow: every command waits for it."""


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PluginReport:
    """How loading one plugin went.

    `name` is the entry point's, `module` what it points to; for a plugin that was given to the
    engine, its module, class or file. `seconds` is what importing and registering took.
    `handlers` and `hooks` are what a loaded plugin registered; of one that is broken or blocked,
    `handlers` are the names that it most likely would have, and `error` and `traceback` say what
    went wrong. `printed` is what it wrote on standard output meanwhile.
    """

    name: str
    module: str
    status: Literal["loaded", "broken", "blocked"]
    seconds: float
    distribution: str | None = None
    version: str | None = None
    api: str | None = None
    hooks: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    settings: tuple[PluginSetting, ...] = ()
    error: str | None = None
    traceback: str | None = None
    printed: str | None = None

    @property
    def origin(self) -> str:
        """Where the plugin comes from, as error messages name it."""
        if self.distribution is None:
            return f"plugin {self.name!r}"
        return f"distribution {self.distribution} {self.version} (entry point {self.name!r})"

    @property
    def slow(self) -> bool:
        """Whether loading it took long."""
        return self.seconds > SLOW_SECONDS

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object that the API and `--output json` show."""
        return {
            **asdict(self),
            "settings": [setting.as_dict() for setting in self.settings],
            "slow": self.slow,
        }


class Source(NamedTuple):
    """What registered a handler: a plugin, its entry point, or the handler itself."""

    thing: object
    plugin: str
    """What the plugin's settings are called after; empty for a handler that was given."""
    settings: tuple[str, ...] = ()
    """The names of all of the plugin's own settings, as in `context.setting`."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The parts of all plugins, in the order in which they were loaded, and the reports."""

    handlers: Mapping[str, Handler] = field(default_factory=_none)
    validators: tuple[Validator, ...] = ()
    templaters: Templaters = field(default_factory=Templaters)
    llm_providers: Mapping[str, LlmProvider] = field(default_factory=_none)
    secret_sources: tuple[SecretSource, ...] = ()
    event_sinks: tuple[EventSink, ...] = ()
    stores: Mapping[str, StoreFactory] = field(default_factory=_none)
    buses: Mapping[str, BusFactory] = field(default_factory=_none)
    middlewares: tuple[Middleware, ...] = ()
    reports: tuple[PluginReport, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=_none, repr=False)
    """What registered each handler."""
    variables: Mapping[str, str] = field(default_factory=_none, repr=False)
    """What the settings models were read from; credentials may be in it."""

    @property
    def secret_settings(self) -> frozenset[str]:
        """Names, as in `context.setting`, of settings that nobody but their plugin gets.

        Which of its settings are secret, a plugin that is not loaded cannot say: all of them are.
        """
        declared = {each.name: each.secret for report in self.reports for each in report.settings}
        secret = {name for name, is_secret in declared.items() if is_secret}
        silent = tuple(
            settings_prefix(each.name) for each in self.reports if each.status != "loaded"
        )
        known = declared.keys() | set(OPEN_SETTINGS)
        withheld = {name for name in self.variables if name.startswith(silent)} - known
        return frozenset(secret | withheld)

    def handler(self, name: str) -> Handler:
        """Return the handler of this name.

        Raises:
            PluginError: there is none; says whether its plugin is broken, or which name is near.

        """
        found = self.handlers.get(name)
        if found is not None:
            return found
        owner = self.absent_owner(name)
        if owner is not None:
            raise PluginError(
                f"handler {name!r} is installed but {owner.status}: {owner.origin}: {owner.error}"
            )
        hint = did_you_mean(name, self.handlers)
        raise PluginError(f"no handler {name!r}" + (f"; {hint}" if hint else ""))

    def absent_owner(self, name: str) -> PluginReport | None:
        """Return the broken or blocked plugin that most likely has the handler of this name.

        One that was not imported cannot be asked: its source is read for the name.
        """
        for report in self.reports:
            if report.status != "loaded" and name in report.handlers:
                return report
        return None
