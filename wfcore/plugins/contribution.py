"""What one plugin registers: its hooks called and their results checked before anything counts."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pluggy
from pydantic import BaseModel

from wfcore.bus.events import EventSink
from wfcore.bus.opening import BUS_SCHEMES
from wfcore.errors import PluginError
from wfcore.plugins import hookspecs
from wfcore.plugins.admission import admit
from wfcore.plugins.api import declared_api
from wfcore.plugins.handler import Handler
from wfcore.plugins.hookspecs import (
    PROJECT,
    BusFactory,
    Middleware,
    StoreFactory,
    Templaters,
    Validator,
)
from wfcore.plugins.llm import LlmProvider
from wfcore.plugins.results import (
    checked_middleware,
    checked_secret_source,
    checked_sink,
    checked_templaters,
    checked_validator,
    items,
    named,
    schemes,
)
from wfcore.plugins.settings import read_settings
from wfcore.problems import did_you_mean
from wfcore.secrets.source import SecretSource
from wfcore.store.opening import STORE_SCHEMES

__all__ = ["Contribution", "HookTable", "admit_all"]

_NO_HOOKS: Final = (
    "it implements no hook: put @hookimpl above a function such as"
    " `def wfcore_register_handlers(): return [...]`"
)
_SETTINGS: Final = "wfcore_register_settings"


@dataclass(slots=True)
class Contribution:
    """The parts that one plugin registers."""

    hooks: tuple[str, ...] = ()
    api: str | None = None
    settings: BaseModel | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)
    validators: tuple[Validator, ...] = ()
    templaters: Templaters = field(default_factory=Templaters)
    llm_providers: Mapping[str, LlmProvider] = field(default_factory=dict)
    secret_sources: tuple[SecretSource, ...] = ()
    event_sinks: tuple[EventSink, ...] = ()
    stores: Mapping[str, StoreFactory] = field(default_factory=dict)
    buses: Mapping[str, BusFactory] = field(default_factory=dict)
    middlewares: tuple[Middleware, ...] = ()


class HookTable:
    """The hook specifications, and the plugins that were held against them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._count = 0

    def knows(self, plugin: object) -> bool:
        """Whether this very object was collected before."""
        return self._manager.is_registered(plugin)

    def collect(self, plugin: object, name: str, settings: Mapping[str, str]) -> Contribution:
        """Call the plugin's hooks and return what it registers; a plugin that fails leaves nothing.

        `name` is what its settings are called after, among all that the operator set.

        Raises:
            PluginError: a hook is unknown, or returned what it must not; whatever a hook raises.

        """
        if plugin is None:
            raise PluginError("it is None, not a module or an object with hooks")
        api = declared_api(plugin)
        self._count += 1
        try:
            self._manager.register(plugin, f"plugin {self._count}")
            contribution = self._called(plugin, name, settings)
        except BaseException:
            if self.knows(plugin):
                self._manager.unregister(plugin)
            raise
        contribution.api = api
        return contribution

    def _called(self, plugin: object, name: str, given: Mapping[str, str]) -> Contribution:
        callers = {caller.name: caller for caller in self._manager.get_hookcallers(plugin) or []}
        if not callers:
            raise PluginError(_NO_HOOKS)
        known = [name for name in vars(hookspecs) if name.startswith(f"{PROJECT}_register_")]
        for caller in callers.values():
            if not caller.has_spec():
                hint = did_you_mean(caller.name, known)
                raise PluginError(f"no hook {caller.name!r}" + (f"; {hint}" if hint else ""))
        settings = None
        if (first := callers.pop(_SETTINGS, None)) is not None:
            settings = read_settings(_result(first, plugin, None), name, given)
        results = {each: _result(caller, plugin, settings) for each, caller in callers.items()}
        made = _contribution(results)
        made.settings = settings
        made.hooks = tuple(sorted(results.keys() | ({_SETTINGS} if first is not None else set())))
        return made


def admit_all(candidates: Iterable[object]) -> dict[str, Handler]:
    """Return the handlers by name.

    Raises:
        PluginError: one is no handler, has faults, or two have one name.

    """
    handlers: dict[str, Handler] = {}
    for candidate in candidates:
        handler = admit(candidate)
        if handler.name in handlers:
            raise PluginError(f"it registers two handlers named {handler.name!r}")
        handlers[handler.name] = handler
    return handlers


def _contribution(results: Mapping[str, Any]) -> Contribution:
    templaters = results.get("wfcore_register_templaters", Templaters())
    return Contribution(
        handlers=admit_all(items("wfcore_register_handlers", results)),
        validators=tuple(map(checked_validator, items("wfcore_register_validators", results))),
        templaters=checked_templaters(templaters),
        llm_providers=cast(
            "Mapping[str, LlmProvider]",
            named("wfcore_register_llm_providers", results, ("ask", "close")),
        ),
        secret_sources=tuple(
            map(checked_secret_source, items("wfcore_register_secret_sources", results))
        ),
        event_sinks=tuple(map(checked_sink, items("wfcore_register_event_sinks", results))),
        stores=cast(
            "Mapping[str, StoreFactory]", schemes("wfcore_register_stores", results, STORE_SCHEMES)
        ),
        buses=cast(
            "Mapping[str, BusFactory]", schemes("wfcore_register_buses", results, BUS_SCHEMES)
        ),
        middlewares=tuple(map(checked_middleware, items("wfcore_register_middlewares", results))),
    )


def _result(caller: pluggy.HookCaller, plugin: object, settings: BaseModel | None) -> Any:
    implementation = next(one for one in caller.get_hookimpls() if one.plugin is plugin)
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{caller.name} registers the plugin's own parts; it cannot be a wrapper")
    given = {"settings": settings}
    result = implementation.function(*(given[name] for name in implementation.argnames))
    if inspect.iscoroutine(result):
        result.close()
        raise PluginError(f"{caller.name} is `async def`; hooks are plain functions")
    return result
