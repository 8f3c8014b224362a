"""What the hooks have to return, checked: every fault names the hook and what was wrong."""

import inspect
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, Final, cast

from wfcore.bus.events import EventSink
from wfcore.errors import PluginError
from wfcore.plugins.failure import shown
from wfcore.plugins.hookspecs import Middleware, Templaters, Validator
from wfcore.secrets.source import SecretSource
from wfcore.templating import Templating

__all__ = [
    "checked_middleware",
    "checked_secret_source",
    "checked_sink",
    "checked_templaters",
    "checked_validator",
    "items",
    "named",
    "schemes",
]

_MOST_ITEMS: Final = 10_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,63}", re.ASCII)


def items(hook: str, results: Mapping[str, Any]) -> list[object]:
    """Return what a hook gave as a list; empty where it is not implemented."""
    result = results.get(hook, ())
    if isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Iterable):
        raise PluginError(f"{hook}() returned {shown(result)}, not a list")
    found = list(islice(result, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        raise PluginError(f"{hook}() returned more than {_MOST_ITEMS} items")
    return found


def named(hook: str, results: Mapping[str, Any], methods: Sequence[str]) -> Mapping[str, object]:
    """Return what a hook gave by name, each of them with these methods."""
    found = _mapping(hook, results, _NAME)
    for name, value in found.items():
        _check_methods(f"{hook}(): {name!r}", value, methods)
    return found


def schemes(hook: str, results: Mapping[str, Any], taken: Collection[str]) -> Mapping[str, object]:
    """Return what a hook gave by the scheme of its URLs: functions of one URL.

    `taken` are the engine's own schemes.
    """
    found = _mapping(hook, results, _SCHEME)
    for name, value in found.items():
        if name in taken:
            raise PluginError(f"{hook}(): {name!r} is the engine's own, and cannot be replaced")
        if not callable(value) or inspect.iscoroutinefunction(value):
            raise PluginError(f"{hook}(): {name!r} is {shown(value)}, not a function of a URL")
    return found


def checked_validator(item: object) -> Validator:
    """Return a validator."""
    if inspect.isclass(item) or not _is_function(item):
        raise PluginError(f"validator {shown(item)} is not a function of one workflow")
    return cast("Validator", item)


def checked_middleware(item: object) -> Middleware:
    """Return a middleware: `async def` (or an object with such a `__call__`) of two arguments."""
    call = item if inspect.isfunction(item) or inspect.ismethod(item) else _call_of(item)
    if inspect.isclass(item) or not inspect.iscoroutinefunction(call):
        raise PluginError(
            f"middleware {shown(item)} is not an `async def` of context and call_next"
        )
    try:
        inspect.signature(cast("Any", item)).bind(None, None)
    except TypeError:
        raise PluginError(f"middleware {shown(item)} does not take (context, call_next)") from None
    return cast("Middleware", item)


def checked_sink(item: object) -> EventSink:
    """Return an event sink."""
    if not isinstance(item, EventSink):
        raise PluginError(f"event sink {shown(item)} is no instance of wfcore.EventSink")
    if item.level not in ("executions", "nodes"):
        raise PluginError(
            f"event sink {shown(item)}: its level is {shown(item.level)}, not executions/nodes"
        )
    return item


def checked_secret_source(item: object) -> SecretSource:
    """Return a source of secrets."""
    _check_methods(f"secret source {shown(item)}", item, ("knows", "read"))
    return cast("SecretSource", item)


def checked_templaters(result: object) -> Templaters:
    """Return what a plugin adds to templates."""
    if not isinstance(result, Templaters):
        raise PluginError(f"wfcore_register_templaters() returned {shown(result)}, not Templaters")
    parts: dict[str, dict[Any, Any]] = {}
    for part in fields(result):
        values: object = getattr(result, part.name)
        if not isinstance(values, Mapping):
            raise PluginError(f"Templaters.{part.name} is {shown(values)}, not a mapping of names")
        parts[part.name] = dict(values)
        for name, value in parts[part.name].items():
            place = f"Templaters.{part.name}: {name!r}"
            if not isinstance(name, str) or not name.isidentifier():
                raise PluginError(f"{place} is no name in a template")
            if part.name == "engines":
                _check_engine(place, name, value)
            elif part.name != "globals" and not _is_function(value):
                raise PluginError(f"{place} is not a function")
    words = {name: parts[name] for name in ("filters", "tests", "globals")}
    if any(words.values()):
        # Whatever the engine's templates will not take is this plugin's fault, found here.
        Templating(None, **words)
    return Templaters(**parts)


def _check_engine(place: str, name: str, value: object) -> None:
    if name == "jinja":
        raise PluginError(f"{place} is the engine's own, and cannot be replaced")
    _check_methods(place, value, ("is_template", "read"))


def _check_methods(place: str, value: object, methods: Sequence[str]) -> None:
    missing = [name for name in methods if not callable(getattr(value, name, None))]
    if missing:
        raise PluginError(f"{place} has no method {' and '.join(f'`{name}`' for name in missing)}")
    if inspect.isclass(value):
        raise PluginError(f"{place} is a class; register an instance")


def _mapping(hook: str, results: Mapping[str, Any], form: re.Pattern[str]) -> Mapping[str, object]:
    result: object = results.get(hook, {})
    if not isinstance(result, Mapping):
        raise PluginError(f"{hook}() returned {shown(result)}, not a mapping of names")
    for name in result:
        if not isinstance(name, str) or not form.fullmatch(name):
            raise PluginError(f"{hook}(): {name!r} is no name: a small letter, then {form.pattern}")
    return dict(result)


def _call_of(item: object) -> object:
    return getattr(type(item), "__call__", None)  # noqa: B004 - asked whether it is `async def`


def _is_function(value: object) -> bool:
    return callable(value) and not inspect.iscoroutinefunction(value)
