"""What restarts `wf dev` when it changes: plugin files, editable packages, what is installed."""

import importlib.util
import json
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final, TypeAlias

from wfcore.errors import PluginError
from wfcore.plugins.discovery import GROUP

__all__ = ["Watched", "watched_files"]

_MOST_FILES: Final = 2_000

_Stamp: TypeAlias = tuple[int, int, int] | None
"""Of one file; None where there is none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Plugin files, folders of packages, and where distributions are."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...] = ()
    places: tuple[Path, ...] = ()
    """Where distributions are installed: such a folder changes when one comes or goes."""

    def stamps(self) -> dict[Path, _Stamp]:
        """Return what tells one state of the files from another."""
        return {path: _stamp(path) for path in (*self._paths(), *self.places)}

    def fault(self) -> str | None:
        """Return why one of the files cannot be loaded, as far as their texts tell."""
        for path in self._paths():
            try:
                # What only deserves a warning, the server says when it loads the file.
                with warnings.catch_warnings(action="ignore"):
                    compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
            except SyntaxError as error:
                return f"{path.name}, line {error.lineno}: {error.msg}"
            except (OSError, ValueError) as error:
                return f"{path.name}: {error}"
        return None

    def _paths(self) -> Iterator[Path]:
        yield from self.files
        count = 0
        for folder in self.folders:
            for path in sorted(folder.rglob("*.py")):
                count += 1
                if count > _MOST_FILES:
                    return
                yield path


def watched_files(plugins: Sequence[Path], folders: Sequence[Path] = ()) -> Watched:
    """Return what to watch; raises `PluginError` for what is not there."""
    files = tuple(path.resolve() for path in plugins)
    for path, resolved in zip(plugins, files, strict=True):
        if not resolved.exists():
            raise PluginError(f"no plugin file {str(path)!r}")
    for folder in folders:
        if not folder.is_dir():
            raise PluginError(f"no plugin folder {str(folder)!r}")
    packages = [path for path in files if path.is_dir()]
    watched = (*packages, *(folder.resolve() for folder in folders), *_editable_folders())
    return Watched(
        tuple(path for path in files if path not in packages),
        tuple(dict.fromkeys(watched)),
        _places(),
    )


def _editable_folders() -> Iterator[Path]:
    """Yield the folders of plugin packages that are installed from their sources, as these are."""
    for distribution in distributions():
        if not _is_editable(distribution):
            continue
        for point in distribution.entry_points.select(group=GROUP):
            package = point.module.partition(".")[0]
            try:
                # A package of the first level is found without being imported.
                spec = importlib.util.find_spec(package)
            except (ImportError, ValueError):
                continue
            if spec is None:
                yield from _by_path_files(package)
            for place in (spec.submodule_search_locations or ()) if spec is not None else ():
                yield Path(place)


def _by_path_files(package: str) -> Iterator[Path]:
    """Yield the folder of a package that was installed after this process began."""
    for place in _places():
        for path_file in place.glob("*.pth"):
            for line in path_file.read_text(encoding="utf-8", errors="replace").splitlines():
                if (Path(line) / package).is_dir():
                    yield Path(line) / package


def _places() -> tuple[Path, ...]:
    """Return where distributions are installed."""
    return tuple({Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")})


def _is_editable(distribution: Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable"))
    except (OSError, ValueError, AttributeError):
        return False


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
