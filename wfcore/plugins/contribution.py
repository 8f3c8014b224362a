"""What one plugin registers: its hooks called and their results checked before anything counts."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

import pluggy

from wfcore.errors import PluginError
from wfcore.plugins import hookspecs
from wfcore.plugins.admission import admit
from wfcore.plugins.handler import Handler
from wfcore.plugins.hookspecs import PROJECT, Templaters, Validator
from wfcore.problems import did_you_mean

__all__ = ["Contribution", "HookTable", "admit_all"]

_NO_HOOKS: Final = (
    "it implements no hook: put @hookimpl above a function such as"
    " `def wfcore_register_handlers(): return [...]`"
)


@dataclass(slots=True)
class Contribution:
    """The parts that one plugin registers."""

    hooks: tuple[str, ...] = ()
    handlers: dict[str, Handler] = field(default_factory=dict)
    validators: tuple[Validator, ...] = ()
    templaters: Templaters = field(default_factory=Templaters)


class HookTable:
    """The hook specifications, and the plugins that were held against them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._count = 0

    def knows(self, plugin: object) -> bool:
        """Whether this very object was collected before."""
        return self._manager.is_registered(plugin)

    def collect(self, plugin: object) -> Contribution:
        """Call the plugin's hooks and return what it registers; a plugin that fails leaves nothing.

        Raises:
            PluginError: a hook is unknown, or returned what it must not; whatever a hook raises.

        """
        if plugin is None:
            raise PluginError("it is None, not a module or an object with hooks")
        self._count += 1
        try:
            self._manager.register(plugin, f"plugin {self._count}")
            return self._called(plugin)
        except BaseException:
            if self.knows(plugin):
                self._manager.unregister(plugin)
            raise

    def _called(self, plugin: object) -> Contribution:
        callers = self._manager.get_hookcallers(plugin) or []
        if not callers:
            raise PluginError(_NO_HOOKS)
        known = [name for name in vars(hookspecs) if name.startswith(f"{PROJECT}_register_")]
        for caller in callers:
            if not caller.has_spec():
                hint = did_you_mean(caller.name, known)
                raise PluginError(f"no hook {caller.name!r}" + (f"; {hint}" if hint else ""))
        results = {caller.name: _result(caller, plugin) for caller in callers}
        return Contribution(
            hooks=tuple(sorted(results)),
            handlers=admit_all(_items("wfcore_register_handlers", results)),
            validators=_validators(_items("wfcore_register_validators", results)),
            templaters=_templaters(results.get("wfcore_register_templaters", Templaters())),
        )


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


def _result(caller: pluggy.HookCaller, plugin: object) -> Any:
    implementation = next(one for one in caller.get_hookimpls() if one.plugin is plugin)
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{caller.name} registers the plugin's own parts; it cannot be a wrapper")
    result = implementation.function()
    if inspect.iscoroutine(result):
        result.close()
        raise PluginError(f"{caller.name} is `async def`; hooks are plain functions")
    return result


def _items(hook: str, results: Mapping[str, Any]) -> list[object]:
    result = results.get(hook, ())
    if isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Iterable):
        raise PluginError(f"{hook}() returned {result!r}, not a list")
    return list(result)


def _validators(items: list[object]) -> tuple[Validator, ...]:
    found: list[Validator] = []
    for item in items:
        if not callable(item) or inspect.isclass(item):
            raise PluginError(f"validator {item!r} is not a function of one workflow")
        found.append(cast("Validator", item))
    return tuple(found)


def _templaters(result: object) -> Templaters:
    if not isinstance(result, Templaters):
        raise PluginError(f"wfcore_register_templaters() returned {result!r}, not Templaters")
    for part in fields(result):
        values = getattr(result, part.name)
        if not isinstance(values, Mapping):
            raise PluginError(f"Templaters.{part.name} is {values!r}, not a mapping of names")
        for name, value in values.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise PluginError(f"Templaters.{part.name}: {name!r} is no name in a template")
            if part.name != "globals" and not _is_function(value):
                raise PluginError(f"Templaters.{part.name}: {name!r} is not a function")
    return result


def _is_function(value: object) -> bool:
    function: Callable[..., Any] | None = value if callable(value) else None
    return function is not None and not inspect.iscoroutinefunction(function)
