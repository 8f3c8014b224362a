"""The plugins that a command sees: what is installed, and what its options name beside."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wfcore.plugins.file import load_file
from wfcore.plugins.manager import load_plugins, survey_plugins
from wfcore.plugins.registry import PluginReport, Registry
from wfcore.settings import Settings

__all__ = ["PluginPlaces", "installed", "surveyed"]


@dataclass(frozen=True, slots=True)
class PluginPlaces:
    """What `--plugin` and `--plugin-dir` name."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def read(cls, files: Iterable[str], folders: Iterable[str]) -> "PluginPlaces":
        """Return the places that these paths say."""
        return cls(tuple(map(Path, files)), tuple(map(Path, folders)))

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)


def surveyed(
    settings: Settings, places: PluginPlaces
) -> tuple[tuple[PluginReport, ...], tuple[str, ...]]:
    """Load the same, and return all reports and which names clash, even where no engine starts."""
    discovery = settings.discovery(places.folders)
    return survey_plugins(plugins=[load_file(path) for path in places.files], discover=discovery)


def installed(settings: Settings, places: PluginPlaces) -> Registry:
    """Load what the operator allows; raises `PluginError` for a place that cannot be used."""
    discovery = settings.discovery(places.folders)
    return load_plugins(plugins=[load_file(path) for path in places.files], discover=discovery)
