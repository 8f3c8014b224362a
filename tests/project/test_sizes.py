"""Files and functions stay small enough to be read at once."""

import ast
from pathlib import Path

import pytest

from tests.project.tree import PACKAGES, ROOT, python_files

_FILE_LINES = 400
_TEST_FILE_LINES = 700
_FUNCTION_LINES = 50


@pytest.mark.parametrize(
    ("folders", "most"),
    [((*PACKAGES, "examples", "benchmarks"), _FILE_LINES), (("tests",), _TEST_FILE_LINES)],
    ids=["code", "tests"],
)
def test_no_file_is_longer_than_its_bound(folders: tuple[str, ...], most: int) -> None:
    lengths = {path: len(_read(path).splitlines()) for path in python_files(*folders)}

    assert lengths
    assert {_short(path): lines for path, lines in lengths.items() if lines > most} == {}


def test_no_function_is_longer_than_fifty_lines() -> None:
    too_long = {
        f"{_short(path)}:{function.lineno} {function.name}": lines
        for path in python_files(*PACKAGES)
        for function, lines in _functions(path)
        if lines > _FUNCTION_LINES
    }

    assert too_long == {}


def _functions(path: Path) -> list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    return [
        (node, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(_read(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
