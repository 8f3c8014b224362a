"""How another process gets at a handler: never the object itself, but what to load it from."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple

from wfcore.errors import PluginError
from wfcore.plugins.discovery import GROUP
from wfcore.plugins.file import FILE_PLUGIN, load_file
from wfcore.plugins.handler import Handler
from wfcore.plugins.manager import load_plugin, load_plugins
from wfcore.plugins.registry import Source

__all__ = ["Origin", "load_handlers", "origin_of"]

_MAIN: Final = "move it from the program into a module of its own"
_HOOK: Final = (
    "give it a name in a module, or register it in the hook wfcore_register_handlers of a plugin"
)


class Origin(NamedTuple):
    """What to load: a place of this kind. Handlers of one origin share processes."""

    kind: Literal["installed", "file", "module", "plugin", "handler"]
    place: str
    """What an entry point points to, a path, a module, or `module:name`."""
    plugin: str = ""
    """What the plugin's settings are called after."""


def origin_of(given: Source) -> Origin:
    """Return how another process loads what registered a handler.

    Raises:
        PluginError: it cannot; says what to do about it.

    """
    source, name, _ = given
    if isinstance(source, EntryPoint):
        return Origin("installed", source.value, name)
    if isinstance(source, ModuleType):
        if source.__name__.startswith(FILE_PLUGIN) and source.__file__ is not None:
            file = Path(source.__file__)
            return Origin("file", str(file.parent if file.name == "__init__.py" else file), name)
        _check_importable(source)
        return Origin("module", source.__name__, name)
    kind = source if inspect.isclass(source) else type(source)
    return Origin("handler" if issubclass(kind, Handler) else "plugin", _address(source), name)


def load_handlers(origin: Origin, settings: Mapping[str, str]) -> dict[str, Handler]:
    """Load what is there, and return its handlers by name; raises whatever goes wrong.

    `settings` are those of its plugin.
    """
    if origin.kind == "handler":
        return dict(load_plugins(handlers=[_at(origin.place)], discover=False).handlers)
    plugin: Any
    if origin.kind == "installed":
        plugin = EntryPoint("", origin.place, GROUP).load()
    elif origin.kind == "file":
        plugin = load_file(origin.place)
    else:
        plugin = import_module(origin.place) if origin.kind == "module" else _at(origin.place)
    return dict(load_plugin(plugin, origin.plugin, settings).handlers)


def _address(thing: Any) -> str:
    """Return `module:name` of an object that stands in a module, under whatever name."""
    shown = getattr(thing, "__qualname__", None) or f"an instance of {type(thing).__qualname__}"
    module = sys.modules.get(thing.__module__)
    if module is not None:
        for name in _names(thing, module):
            if _attribute(module, name) is thing:
                _check_importable(module)
                return f"{module.__name__}:{name}"
    raise PluginError(f"{shown} stands in no module under a name: {_HOOK}")


def _names(thing: Any, module: ModuleType) -> Iterator[str]:
    if (name := getattr(thing, "__qualname__", None)) is not None:
        yield name
    yield from (name for name, value in list(vars(module).items()) if value is thing)


def _attribute(module: ModuleType, name: str) -> object:
    try:
        return attrgetter(name)(module)
    except AttributeError:
        return None


def _at(place: str) -> Any:
    module, _, name = place.partition(":")
    return attrgetter(name)(import_module(module))


def _check_importable(module: ModuleType) -> None:
    name = module.__name__
    if name == "__main__":
        raise PluginError(f"it stands in the program itself (__main__): {_MAIN}")
    if name.startswith(FILE_PLUGIN):
        raise PluginError("it stands in a plugin file: give the file to the engine as a plugin")
    if not _is_found(name):
        raise PluginError(f"its module {name!r} cannot be imported by its name")


def _is_found(name: str) -> bool:
    """Whether importing finds it anew, whatever stands in `sys.modules`."""
    package = name.rpartition(".")[0]
    path = getattr(sys.modules.get(package), "__path__", None) if package else None
    if package and path is None:
        return False
    return any(
        finder.find_spec(name, path) is not None
        for finder in sys.meta_path
        if hasattr(finder, "find_spec")
    )
