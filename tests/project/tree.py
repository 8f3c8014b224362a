"""The files of this project, and child interpreters that see nothing of the test run."""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wfcore", "wfplugins_builtin", "wfserver", "wfworker")

_NOT_COMMITTED = {"__pycache__", "build", "dist", "htmlcov"}
_HIDDEN_BUT_COMMITTED = {".ci", ".github"}


def committed_files() -> Iterator[Path]:
    """Yield the files that a clone holds, whether or not this folder is one."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if _is_committed(name))
        yield from (Path(folder) / name for name in sorted(names) if _belongs(name))


def python_files(*folders: str) -> list[Path]:
    """Return the Python files under these folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def clean_environment() -> dict[str, str]:
    """Return the environment without what would colour a child: coverage, our settings, paths."""
    coloured = ("COV_", "COVERAGE_", "APP_", "PYTHON", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(coloured)}


def _is_committed(folder: str) -> bool:
    hidden = folder.startswith(".") and folder not in _HIDDEN_BUT_COMMITTED
    return not hidden and folder not in _NOT_COMMITTED and not folder.endswith(".egg-info")


def _belongs(name: str) -> bool:
    return name not in {".git", ".env"} and not name.startswith(".coverage")
