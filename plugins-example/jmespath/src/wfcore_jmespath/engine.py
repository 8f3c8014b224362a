"""The engine: reads `${expression}`, tells which paths it names, and renders it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

__all__ = ["JmesPathEngine"]

_MARK: Final = re.compile(r"\$?\$\{")
_STRING: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`")

_STEPS: Final = frozenset({"subexpression", "index_expression"})
_CHAINS: Final = _STEPS | {
    "filter_projection",
    "flatten",
    "pipe",
    "projection",
    "value_projection",
}

Path = tuple[str | int, ...]


class JmesPathEngine:
    """A `wfcore.TemplateEngine`."""

    def is_template(self, text: str) -> bool:
        """Whether an expression, or a `$${`, is in the text."""
        return "${" in text

    def read(self, text: str) -> "JmesPathTemplate":
        """Read a text; raises `ValueError` with what is wrong in it."""
        pieces = tuple(_pieces(text))
        paths: dict[Path, None] = {}
        for piece in pieces:
            if not isinstance(piece, str):
                paths.update(dict.fromkeys(_paths(piece.parsed)))
        return JmesPathTemplate(pieces, tuple(paths))


@dataclass(frozen=True, slots=True)
class JmesPathTemplate:
    """Texts, and expressions between them."""

    pieces: Sequence[str | ParsedResult]
    paths: Sequence[Path]

    @property
    def is_expression(self) -> bool:
        """Whether it is one expression alone."""
        return len(self.pieces) == 1 and not isinstance(self.pieces[0], str)

    def render(self, names: Mapping[str, Any]) -> Any:
        """Return the value of the expression, or the text."""
        values = [each if isinstance(each, str) else each.search(names) for each in self.pieces]
        return values[0] if self.is_expression else "".join(map(_text, values))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pieces(text: str) -> Iterator[str | ParsedResult]:
    at = 0
    while (mark := _MARK.search(text, at)) is not None:
        if mark.start() > at:
            yield text[at : mark.start()]
        if mark[0] == "$${":
            yield "${"
            at = mark.end()
            continue
        end = _end(text, mark.end())
        yield _expression(text[mark.end() : end])
        at = end + 1
    if at < len(text):
        yield text[at:]


def _end(text: str, at: int) -> int:
    """Return where the brace is that closes an expression, past braces and strings in it."""
    depth = 1
    while at < len(text):
        string = _STRING.match(text, at)
        if string is not None:
            at = string.end()
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    raise ValueError("a ${ has no } that closes it")


def _expression(source: str) -> ParsedResult:
    try:
        return jmespath.compile(source.strip())
    except JMESPathError as error:
        raise ValueError(str(error).partition("\n")[0]) from error


def _paths(tree: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths that an expression reads from the names, as far as they are plain steps."""
    steps: list[str | int] = []
    _lead(tree, steps)
    if steps:
        yield tuple(steps)
    elif tree["type"] in _CHAINS:
        # What comes after the first part is read from what that gives.
        yield from _paths(tree["children"][0])
    else:
        for child in tree["children"]:
            yield from _paths(child)


def _lead(tree: Mapping[str, Any], steps: list[str | int]) -> bool:
    """Add the plain steps with which a tree begins; whether it is nothing else."""
    kind = tree["type"]
    if kind == "field" or (kind == "index" and tree["value"] >= 0):
        steps.append(tree["value"])
        return True
    if kind in _STEPS:
        return all(_lead(child, steps) for child in tree["children"])
    if kind in _CHAINS:
        _lead(tree["children"][0], steps)
    return False
