"""The plugins that a command sees: what is installed, and the files that `--plugin` names."""

from collections.abc import Iterable
from pathlib import Path

from wfcore.plugins.file import load_file
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import Registry

__all__ = ["installed"]


def installed(files: Iterable[Path]) -> Registry:
    """Load them; raises `PluginError` for a file that cannot be used."""
    return load_plugins(plugins=[load_file(path) for path in files])
