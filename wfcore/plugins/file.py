"""A plugin without packaging: a single file (`wf run FLOW --plugin FILE`), or a folder of them."""

import importlib.util
import os
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from wfcore.errors import PluginError
from wfcore.plugins.failure import failure_line

__all__ = ["FILE_PLUGIN", "load_file", "plugin_files"]

FILE_PLUGIN: Final = "wfcore_plugin_"
"""How the names of modules begin that `load_file` made."""


def plugin_files(folder: Path) -> list[Path]:
    """Return the plugins of a folder, by name: its Python files, and folders that are packages.

    Names that begin with `_`, `.` or `test_`, and `conftest.py`, are none. A link to another of
    them is that one, not a second plugin.

    Raises:
        PluginError: there is no such folder.

    """
    if not folder.is_dir():
        raise PluginError(f"no plugin folder {str(folder)!r}")
    entries = (path for path in folder.iterdir() if not path.name.startswith(("_", ".", "test_")))
    found: dict[str, Path] = {}
    for path in sorted(filter(_is_plugin, entries), key=lambda path: (path.is_symlink(), path)):
        found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def _is_plugin(path: Path) -> bool:
    if path.is_dir():
        return (path / "__init__.py").is_file()
    return path.suffix == ".py" and path.name != "conftest.py"


def load_file(path: str | Path) -> ModuleType:
    """Run a Python file and return its module, to be given to an engine under `plugins`.

    A package is given by its folder. Every call runs the file anew.

    Raises:
        PluginError: there is no such file, or it fails; the failure is the error's cause.

    """
    place = Path(path).resolve()
    file = place / "__init__.py" if place.is_dir() else place
    if not file.is_file():
        raise PluginError(f"no plugin file {str(path)!r}")
    # Two files of one name in two folders are two modules.
    name = f"{FILE_PLUGIN}{sha256(str(place).encode()).hexdigest()[:12]}_{place.stem}"
    within = [str(place)] if place.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=within)
    if spec is None or spec.loader is None:
        raise PluginError(f"plugin file {str(path)!r} is no Python source (.py)")
    module = importlib.util.module_from_spec(spec)
    # Its parts are run anew, too.
    for part in [each for each in sys.modules if each.startswith(f"{name}.")]:
        del sys.modules[part]
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        _put_back(name, before)
        raise
    except BaseException as error:  # a plugin may end in SystemExit; the engine does not
        _put_back(name, before)
        raise PluginError(f"plugin file {str(path)!r} fails: {failure_line(error)}") from error
    return module


def _put_back(name: str, before: ModuleType | None) -> None:
    if before is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = before
