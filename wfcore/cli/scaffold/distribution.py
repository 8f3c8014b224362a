"""The files of a new plugin's distribution."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from wfcore.cli.scaffold.names import PluginNames

__all__ = ["distribution_files", "write_new"]

# Not named like what they become: tools would take them for sources of this project.
_TEMPLATES: Final[Mapping[str, str]] = {
    ".gitignore": "gitignore",
    "README.md": "readme",
    "examples/$handler.json": "example",
    "pyproject.toml": "pyproject",
    "src/$module/__init__.py": "module",
    "src/$module/py.typed": "typed",
    "tests/test_$handler.py": "test",
}


def distribution_files(names: PluginNames, wfcore_version: str) -> dict[str, str]:
    """Return the text of every file by its path, for the wfcore of this version and later ones."""
    # `>=` takes no local version (1.2+abc), but every local version of what it names; a
    # pre-release that it names itself is taken, too.
    at_least, _, _ = wfcore_version.partition("+")
    words = {**asdict(names), "wfcore": f"wfcore>={at_least}"}
    folder = files("wfcore.cli.scaffold") / "plugin"
    return {
        Template(path).substitute(words): Template(
            (folder / f"{template}.template").read_text(encoding="utf-8")
        ).substitute(words)
        for path, template in _TEMPLATES.items()
    }


def write_new(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files under a folder; raises `OSError` where one cannot be, or is there already."""
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
