"""A plugin in a single file, without a package: `wf run FLOW --plugin FILE`."""

import importlib.util
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from wfcore.errors import PluginError
from wfcore.plugins.failure import failure_line

__all__ = ["FILE_PLUGIN", "load_file"]

FILE_PLUGIN: Final = "wfcore_plugin_"
"""How the names of modules begin that `load_file` made."""


def load_file(path: str | Path) -> ModuleType:
    """Run a Python file and return its module, to be given to an engine under `plugins`.

    Every call runs the file anew.

    Raises:
        PluginError: there is no such file, or it fails; the failure is the error's cause.

    """
    file = Path(path).resolve()
    if not file.is_file():
        raise PluginError(f"no plugin file {str(path)!r}")
    # Two files of one name in two folders are two modules.
    name = f"{FILE_PLUGIN}{sha256(str(file).encode()).hexdigest()[:12]}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"plugin file {str(path)!r} is no Python source (.py)")
    module = importlib.util.module_from_spec(spec)
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
