"""Filters over one text or number, and those that turn one value into another."""

import re
from collections.abc import Callable, Mapping
from math import ceil, floor, isfinite
from typing import Any, Final
from urllib.parse import quote

from wfcore.templating.access import Missing, describe
from wfcore.templating.failure import RenderError
from wfcore.templating.frame import Frame
from wfcore.templating.operators import number
from wfcore.templating.text import text_of, to_json, utf8_length

__all__ = ["SCALAR_FILTERS"]

_UNSET: Final = object()
_MOST_PARTS: Final = 50_000
_MOST_TRIMMED: Final = 64
_LONGEST_NUMBER: Final = 400
_DEEPEST_INDENT: Final = 8
_FINEST: Final = 15
_SHOWN: Final = 40
_WORD_BYTES: Final = 20
_WORD: Final = re.compile(r"[^-\s({\[<]+")


def _text(frame: Frame, value: Any, what: str = "it") -> str:
    """Return a text; numbers and booleans are written first. Pays for reading it."""
    if isinstance(value, list | dict) or value is None:
        raise RenderError(f"{what} takes a text, not {describe(value)}")
    text = text_of(value, frame.budget)
    frame.budget.spend(len(text) >> 8)
    return text


def _default(_frame: Frame, value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    absent = value.__class__ is Missing or (boolean and not value)
    return default_value if absent else value


def _string(frame: Frame, value: Any) -> str:
    return text_of(value, frame.budget)


def _tojson(frame: Frame, value: Any, indent: int | None = None) -> str:
    if indent is not None and not 0 <= indent <= _DEEPEST_INDENT:
        raise RenderError(f"the indent is 0 to {_DEEPEST_INDENT}")
    return to_json(value, frame.budget, indent)


def _upper(frame: Frame, value: Any) -> str:
    return frame.budget.made(_text(frame, value).upper())


def _lower(frame: Frame, value: Any) -> str:
    return frame.budget.made(_text(frame, value).lower())


def _capitalize(frame: Frame, value: Any) -> str:
    return frame.budget.made(_text(frame, value).capitalize())


def _title(frame: Frame, value: Any) -> str:
    text = _text(frame, value)
    frame.budget.spend(len(text) >> 2)
    frame.budget.allocate(_WORD_BYTES * len(text))
    words = _WORD.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), text)
    return frame.budget.made(words)


def _trim(frame: Frame, value: Any, chars: str | None = None) -> str:
    text = _text(frame, value)
    if chars is not None and len(chars) > _MOST_TRIMMED:
        raise RenderError(f"it trims at most {_MOST_TRIMMED} different characters")
    return frame.budget.made(text.strip(chars))


def _replace(frame: Frame, value: Any, old: str, new: str, count: int | None = None) -> str:
    text = _text(frame, value)
    old, new = _text(frame, old), _text(frame, new)
    times = text.count(old)
    if count is not None and 0 <= count < times:
        times = count
    frame.budget.spend(times)
    frame.budget.room(len(text) + times * (len(new) - len(old)))
    return frame.budget.made(text.replace(old, new, times))


def _truncate(
    frame: Frame,
    value: Any,
    length: int = 255,
    killwords: bool = False,
    end: str = "...",
    leeway: int = 5,
) -> str:
    text = _text(frame, value)
    if length < len(end):
        raise RenderError(f"the length is at least {len(end)}, that of the end")
    if leeway < 0:
        raise RenderError("the leeway is at least 0")
    if len(text) <= length + leeway:
        return text
    kept = text[: length - len(end)]
    if not killwords:
        kept = kept.rsplit(" ", 1)[0]
    return frame.budget.made(kept + end)


def _split(frame: Frame, value: Any, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    text = _text(frame, value)
    limit = _MOST_PARTS if maxsplit < 0 else min(maxsplit, _MOST_PARTS)
    parts = text.split(sep, limit)
    if len(parts) > _MOST_PARTS:
        raise RenderError(f"it gives more than {_MOST_PARTS:,} parts")
    frame.budget.spend(len(parts))
    frame.budget.allocate(len(parts) * 64 + len(text))
    return parts


def _urlencode(frame: Frame, value: Any) -> str:
    """Encode a text for one place in a URL, or an object as `key=value&key=value`."""
    if not isinstance(value, dict):
        return _encoded(frame, value, safe="/")
    pairs = [
        f"{_encoded(frame, key, safe='')}={_encoded(frame, item, safe='')}"
        for key, item in value.items()
    ]
    frame.budget.room(sum(map(len, pairs)) + len(pairs))
    return frame.budget.made("&".join(pairs))


def _encoded(frame: Frame, value: Any, safe: str) -> str:
    text = _text(frame, value)
    size = utf8_length(text)
    frame.budget.spend(size >> 2)
    frame.budget.allocate(8 * size)
    frame.budget.room(3 * size)
    return frame.budget.made(quote(text, safe=safe, errors="strict"))


def _absolute(_frame: Frame, value: Any) -> Any:
    return number(abs(_numeric(value)))


def _round(_frame: Frame, value: Any, precision: int = 0, method: str = "common") -> Any:
    given = _numeric(value)
    if not -_FINEST <= precision <= _FINEST:
        raise RenderError(f"the precision is -{_FINEST} to {_FINEST}")
    if method == "common":
        return number(round(given, precision))
    if method not in ("ceil", "floor"):
        raise RenderError('the method is "common", "ceil" or "floor"')
    scale = 10**precision
    return number((ceil if method == "ceil" else floor)(given * scale) / scale)


def _int(_frame: Frame, value: Any, default: Any = _UNSET, base: int = 10) -> Any:
    try:
        if isinstance(value, str):
            return number(_whole(value, base))
        return number(int(_numeric(value)))
    except (ValueError, OverflowError, RenderError) as error:
        return _or_default(value, default, "a whole number", error)


def _whole(text: str, base: int) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long")
    try:
        return int(text, base)
    except ValueError:
        return int(float(text))


def _float(_frame: Frame, value: Any, default: Any = _UNSET) -> Any:
    try:
        made = float(value if isinstance(value, str) else _numeric(value))
        if isfinite(made):
            return made
        error: Exception = ValueError("not finite")
    except (ValueError, OverflowError, RenderError) as failed:
        error = failed
    return _or_default(value, default, "a number", error)


def _or_default(value: Any, default: Any, wanted: str, error: Exception) -> Any:
    """Give the default that was asked for; without one, what is no number is no zero."""
    if default is not _UNSET:
        return default
    shown = f" {value[:_SHOWN]!r}" if isinstance(value, str) else ""
    raise RenderError(f"{describe(value)}{shown} is not {wanted}") from error


def _numeric(value: Any) -> int | float:
    if not isinstance(value, int | float):
        raise RenderError(f"it takes a number, not {describe(value)}")
    return value


SCALAR_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": _absolute,
    "capitalize": _capitalize,
    "d": _default,
    "default": _default,
    "float": _float,
    "int": _int,
    "lower": _lower,
    "replace": _replace,
    "round": _round,
    "split": _split,
    "string": _string,
    "title": _title,
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _upper,
    "urlencode": _urlencode,
}
