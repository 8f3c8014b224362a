"""From JSON pointers to the lines of the text that they lead into."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from wfcore.problems import pointer as pointer_of
from wfcore.workflow.yaml_source import yaml_places

__all__ = ["is_yaml", "lines_of"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_LONGEST: Final = 4_000_000
"""Characters; finding a line must not take longer than finding the problem."""


class _Open:
    """An object or a list that is being read."""

    def __init__(self, pointer: str, *, is_list: bool) -> None:
        self.pointer = pointer
        self.is_list = is_list
        self.index = 0
        self.key: str | None = None

    def place(self) -> str:
        """Return the pointer of the value that comes next."""
        return self.pointer + pointer_of(self.index if self.is_list else self.key or "")


def is_yaml(path: str) -> bool:
    """Whether a file holds YAML, by its name."""
    return Path(path).suffix.lower() in (".yaml", ".yml")


def lines_of(path: str, text: str, pointers: Iterable[str]) -> dict[str, int]:
    """Return for each pointer the line, counted from 1, where its value begins.

    Where there is no such value (a key that is missing), the line of what should hold it.
    """
    chains = {pointer: list(_ancestry(pointer)) for pointer in pointers}
    wanted = {place for chain in chains.values() for place in chain}
    if not wanted or len(text) > _LONGEST:
        return {}
    known = _yaml_lines(text, wanted) if is_yaml(path) else _json_lines(text, wanted)
    lines: dict[str, int] = {}
    for pointer, chain in chains.items():
        line = next((known[place] for place in chain if place in known), None)
        if line is not None:
            lines[pointer] = line
    return lines


def _yaml_lines(text: str, wanted: set[str]) -> Mapping[str, int]:
    return {place: line for place, line in yaml_places(text) if place in wanted}


def _json_lines(text: str, wanted: set[str]) -> Mapping[str, int]:
    return {place: text.count("\n", 0, at) + 1 for place, at in _places(text) if place in wanted}


def _ancestry(pointer: str) -> Iterator[str]:
    """Yield a pointer and those of what holds it, from the inside out."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
    yield ""


def _places(text: str) -> Iterator[tuple[str, int]]:
    """Yield the pointer and the offset of every value, in the order of the text."""
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        piece = token[0]
        top = stack[-1] if stack else None
        if piece in "]}":
            del stack[-1:]
        elif piece == ",":
            if top is not None:
                top.index += 1
                top.key = None
        elif piece == ":":
            continue
        elif top is not None and not top.is_list and top.key is None:
            top.key = _unquoted(piece)
        else:
            place = top.place() if top is not None else ""
            yield place, token.start()
            if piece in "{[":
                stack.append(_Open(place, is_list=piece == "["))


def _unquoted(piece: str) -> str:
    try:
        return str(json.loads(piece))
    except ValueError:
        return piece
