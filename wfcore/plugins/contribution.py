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
from wfcore.plugins.settings import PluginSetting, read_settings, settings_of
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
    shown_settings: tuple[PluginSetting, ...] = ()
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
    """The plugins whose hooks were called."""

    def __init__(self) -> None:
        # By identity: a plugin may have an `__eq__` that raises, or that says yes to all others.
        # The objects are kept, so that no other one gets the same identity.
        self._known: dict[int, object] = {}

    def knows(self, plugin: object) -> bool:
        """Whether this very object was collected before."""
        return id(plugin) in self._known

    def collect(self, plugin: object, name: str, settings: Mapping[str, str]) -> Contribution:
        """Call the plugin's hooks and return what it registers; a plugin that fails leaves nothing.

        `name` is what its settings are called after, among all that the operator set.

        Raises:
            PluginError: a hook is unknown, or returned what it must not; whatever a hook raises.

        """
        if plugin is None:
            raise PluginError("it is None, not a module or an object with hooks")
        api = declared_api(plugin)
        contribution = _called(_implementations(plugin), name, settings)
        contribution.api = api
        self._known[id(plugin)] = plugin
        return contribution


def _implementations(plugin: object) -> dict[str, pluggy.HookImpl]:
    """Return what implements each hook, held against the hook's specification."""
    # A manager for one plugin: pluggy compares plugins with `==`. It knows no specifications,
    # so that what does not fit them is said in our words.
    manager = pluggy.PluginManager(PROJECT)
    manager.register(plugin, "plugin")
    found: dict[str, pluggy.HookImpl] = {}
    for caller in vars(manager.hook).values():
        found[caller.name] = _the_only_one(caller)
        _check_implementation(found[caller.name], caller.name)
    if not found:
        raise PluginError(_NO_HOOKS)
    return found


def _the_only_one(caller: pluggy.HookCaller) -> pluggy.HookImpl:
    first, *others = caller.get_hookimpls()
    if others:
        raise PluginError(f"it implements {caller.name} more than once: put them into one function")
    return first


def _check_implementation(implementation: pluggy.HookImpl, hook: str) -> None:
    known = [name for name in vars(hookspecs) if name.startswith(f"{PROJECT}_register_")]
    if hook not in known:
        hint = did_you_mean(hook, known)
        raise PluginError(f"no hook {hook!r}" + (f"; {hint}" if hint else ""))
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{hook} registers the plugin's own parts; it cannot be a wrapper")
    offered = inspect.signature(getattr(hookspecs, hook)).parameters
    for argument in implementation.argnames:
        if argument not in offered:
            hint = did_you_mean(argument, offered)
            raise PluginError(f"{hook} takes no `{argument}`" + (f"; {hint}" if hint else ""))


def _called(
    hooks: Mapping[str, pluggy.HookImpl], name: str, given: Mapping[str, str]
) -> Contribution:
    settings = None
    if _SETTINGS in hooks:
        model = _result(hooks[_SETTINGS], _SETTINGS, None)
        settings = read_settings(model, name, given)
    results = {
        hook: _result(implementation, hook, settings)
        for hook, implementation in hooks.items()
        if hook != _SETTINGS
    }
    made = _contribution(results)
    if settings is not None:
        made.settings = settings
        made.shown_settings = settings_of(settings, name, given)
    made.hooks = tuple(sorted(hooks))
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


def _result(implementation: pluggy.HookImpl, hook: str, settings: BaseModel | None) -> Any:
    given = {"settings": settings}
    result = implementation.function(*(given[name] for name in implementation.argnames))
    if inspect.iscoroutine(result):
        result.close()
        raise PluginError(f"{hook} is `async def`; hooks are plain functions")
    return result
