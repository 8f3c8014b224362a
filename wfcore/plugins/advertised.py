"""Which handlers a plugin that cannot be imported would have: read from its source, not run."""

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

__all__ = ["advertised_handlers", "advertised_in"]

_MAX_FILES: Final = 100
_MAX_BYTES: Final = 256 * 1024
_CLASS_ATTRIBUTE: Final = re.compile(
    r"""^[ \t]+name[ \t]*(?::[^=\n]+)?=[ \t]*["']([\w.-]+)["']""", re.MULTILINE
)
_DECORATED: Final = re.compile(
    r"""^@(?:\w+\.)?handler\b(?:\([ \t]*(?:["']([\w.-]+)["'])?[^)]*\))?"""
    r"""\s+(?:async\s+)?def\s+(\w+)""",
    re.MULTILINE,
)


def advertised_handlers(entry_point: str, module: str) -> tuple[str, ...]:
    """Guess the handlers of the plugin at `module` (`package.module:attribute`), sorted.

    The entry point's own name is among them: many a plugin has one handler, named like it.
    """
    return _guessed(entry_point, lambda: _sources(module.partition(":")[0].strip()))


def advertised_in(path: Path) -> tuple[str, ...]:
    """Guess the same of a file or a package that stands in a plugin folder."""
    return _guessed(path.stem, lambda: sorted(path.rglob("*.py")) if path.is_dir() else [path])


def _guessed(name: str, sources: Callable[[], Iterable[Path]]) -> tuple[str, ...]:
    names = {name}
    try:
        for path in islice(sources(), _MAX_FILES):
            with path.open("rb") as file:
                names.update(_names(file.read(_MAX_BYTES).decode("utf-8", errors="replace")))
    except Exception:  # noqa: BLE001 - a guess, by import hooks of others; less of it is no fault
        return tuple(sorted(names))
    return tuple(sorted(names))


def _names(source: str) -> Iterator[str]:
    yield from _CLASS_ATTRIBUTE.findall(source)
    for given, function in _DECORATED.findall(source):
        yield given or function


def _sources(module: str) -> Iterator[Path]:
    # Only the top-level name can be looked up without running the package's code.
    spec = importlib.util.find_spec(module.partition(".")[0])
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        yield from sorted(Path(folder).rglob("*.py"))
    if spec.submodule_search_locations is None and spec.origin is not None:
        yield Path(spec.origin)
