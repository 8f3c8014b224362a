"""How values are written and handed out: as text, as JSON, as a copy; always counted."""

import json
from math import isfinite
from typing import Any, Final

from wfcore.templating.access import describe
from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError

__all__ = ["detach", "measure", "text_of", "to_json", "utf8_length"]

MAX_DEPTH: Final = 100
"""Nesting of data: values deeper than this are not written, compared or handed out."""

_WORDS: Final = {None: "null", False: "false", True: "true"}
_PLAIN_BITS: Final = 64
_NUMBER: Final = 12
_LIST_BYTES: Final = 56
_OBJECT_BYTES: Final = 184
_ITEM_BYTES: Final = 40

_COMPACT: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def text_of(value: Any, budget: Budget) -> str:
    """Write a value into running text: a text as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int) and value.bit_length() <= _PLAIN_BITS:
        return budget.made(int.__repr__(value))
    return to_json(value, budget)


def to_json(value: Any, budget: Budget, indent: int | None = None) -> str:
    """Write a value as JSON, compact unless indented by so many blanks.

    Lists can share their parts, so that a short template describes a gigantic text: the length is
    counted before anything is written.
    """
    budget.room(measure(value, budget, indent or 0))
    encoder = _COMPACT
    if indent is not None:
        encoder = json.JSONEncoder(
            ensure_ascii=False, check_circular=False, allow_nan=False, indent=indent
        )
    try:
        text = encoder.encode(value)
    except ValueError as error:
        raise RenderError(f"a number cannot be written as JSON: {error}") from error
    budget.room(len(text))
    return budget.made(text)


def measure(value: Any, budget: Budget, indent: int = 0, level: int = 0) -> int:
    """Return about how many characters the value has as JSON, everything shared counted again.

    Spends two operations for each part; refuses what is no JSON value.
    """
    if isinstance(value, str):
        return len(value) + 2
    if value is None or isinstance(value, int):
        return _NUMBER
    if isinstance(value, float) and isfinite(value):
        return _NUMBER
    _check_depth(level)
    level += 1
    if isinstance(value, list):
        budget.spend(1 + 2 * len(value))
        size = 2 + len(value) * (1 + indent * level)
        return size + sum([measure(item, budget, indent, level) for item in value])
    if isinstance(value, dict):
        budget.spend(1 + 2 * len(value))
        size = 2 + len(value) * (4 + indent * level)
        for key, item in value.items():
            size += measure(key, budget) + measure(item, budget, indent, level)
            if not isinstance(key, str):
                raise RenderError(f"an object has {describe(key)} as a key")
        return size
    raise RenderError(f"{describe(value)} is no JSON value")


def detach(value: Any, budget: Budget, level: int = 0) -> Any:
    """Return a copy that shares no list or object with anything, counted as output.

    Rendered values are the handler's own: what it does to them reaches no other node.
    """
    if isinstance(value, str):
        budget.output(utf8_length(value) + 2)
        return value
    if value is None or isinstance(value, int | float):
        return value
    _check_depth(level)
    level += 1
    if isinstance(value, list):
        budget.output(2 + 2 * len(value))
        budget.allocate(_LIST_BYTES + 8 * len(value))
        return [detach(item, budget, level) for item in value]
    if isinstance(value, dict):
        budget.output(2 + sum(map(len, value)) + 4 * len(value))
        budget.allocate(_OBJECT_BYTES + _ITEM_BYTES * len(value))
        return {key: detach(item, budget, level) for key, item in value.items()}
    raise RenderError(f"{describe(value)} is no JSON value")


def utf8_length(text: str) -> int:
    """Return the size of a text in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _check_depth(level: int) -> None:
    if level >= MAX_DEPTH:
        raise RenderError(f"lists and objects are nested deeper than {MAX_DEPTH}")
