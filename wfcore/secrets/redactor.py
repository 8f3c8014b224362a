"""Masking: what is told of an attempt, without the values of the secrets that it used."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from wfcore.secrets.escapes import Unescaped, unescape
from wfcore.secrets.forms import LEVELS, encoded_forms, text_forms

__all__ = ["MASK", "Redactor"]

MASK: Final = "***"
_Span = tuple[int, int]
_PIECE: Final = 8
_MOST_READ: Final = 64 * 1024
_SHORTEST_END: Final = 4
_MOST_PLACES: Final = 16
_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_ ")
_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?", re.ASCII)


class Redactor:
    """Masks the values of some secrets, in every form that `wfcore.secrets.forms` knows.

    Letters are compared without their case, `+` counts as a blank. A text that ends in the middle
    of a value, or begins there, is masked too: it may have been cut.
    """

    def __init__(self, values: Iterable[str]) -> None:
        values = list(dict.fromkeys(values))
        self._texts = list({_blank(form).lower() for v in values for form in text_forms(v) if form})
        self._codes = list(
            {form._replace(core=_blank(form.core)) for v in values for form in encoded_forms(v)}
        )
        self._numbers = {_number(value) for value in values if _NUMBER.fullmatch(value)}
        self._pieces: frozenset[bytes] | None = None

    def output(self, value: Any) -> Any:
        """Return a JSON value with every value in it masked, in keys and numbers as well."""
        return self._walk(value, pieces=False)

    def details(self, value: Any) -> Any:
        """Mask a JSON value that explains something: like `output`, and pieces of values too."""
        return self._walk(value, pieces=True)

    def text(self, text: str) -> str:
        """Mask a text that explains something, pieces of eight characters included.

        Error messages abbreviate what they quote, so that only parts of a value are left.
        """
        return self._masked(text, pieces=True)

    def _walk(self, value: Any, *, pieces: bool) -> Any:
        if isinstance(value, str):
            return self._masked(value, pieces=pieces)
        if isinstance(value, dict):
            masked: dict[Any, Any] = {}
            for key, item in value.items():
                name = self._walk(key, pieces=pieces)
                while name in masked:
                    name += "*"
                masked[name] = self._walk(item, pieces=pieces)
            return masked
        if isinstance(value, list | tuple):
            return [self._walk(item, pieces=pieces) for item in value]
        if self._numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if value in self._numbers else value
        return value

    def _masked(self, text: str, *, pieces: bool) -> str:
        data = text.encode("utf-8", "surrogatepass")
        spans = sorted(self._spans(data, pieces=pieces))
        if not spans:
            return text
        kept: list[bytes] = []
        end = 0
        for start, stop in spans:
            if start > end or not kept:
                kept.append(data[end:start])
            end = max(end, stop)
        kept.append(data[end:])
        return MASK.join(each.decode("utf-8", "replace") for each in kept)

    def _spans(self, data: bytes, *, pieces: bool) -> Iterator[_Span]:
        """Yield where values stand, on every level of escaping."""
        levels: list[Unescaped] = []
        for _ in range(LEVELS):
            for start, end in self._found(data, pieces=pieces):
                place = start, end
                for level in reversed(levels):
                    place = level.place(*place)
                yield place
            step = unescape(data)
            if step is None:
                return
            levels.append(step)
            data = step.data

    def _found(self, data: bytes, *, pieces: bool) -> Iterator[_Span]:
        exact = _blank(data)
        lower = exact.lower()
        for form in self._texts:
            yield from _occurrences(lower, form)
            yield from _cut_off(lower, form)
        for core, before, after in self._codes:
            for start, end in (*_occurrences(exact, core), *_cut_off(exact, core)):
                first = start - 1 if before and start and exact[start - 1] in _BASE64 else start
                last = end + 1 if after and end < len(exact) and exact[end] in _BASE64 else end
                while last < len(exact) and exact[last] == ord("="):
                    last += 1
                yield first, last
        if pieces and len(lower) <= _MOST_READ:
            known = self._known_pieces()
            for start in range(len(lower) - _PIECE + 1):
                if lower[start : start + _PIECE] in known:
                    yield start, start + _PIECE

    def _known_pieces(self) -> frozenset[bytes]:
        """Made when something is told: most attempts have nothing to tell."""
        if self._pieces is None:
            forms = [*self._texts, *(code.core.lower() for code in self._codes)]
            self._pieces = frozenset(
                form[at : at + _PIECE] for form in forms for at in range(len(form) - _PIECE + 1)
            )
        return self._pieces


def _occurrences(data: bytes, form: bytes) -> Iterator[_Span]:
    at = data.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = data.find(form, at + len(form))


def _cut_off(data: bytes, form: bytes) -> Iterator[_Span]:
    """Yield the beginning of a form at the end of a text, and its end at the beginning."""
    least = min(_PIECE, max(_SHORTEST_END, len(form) // 2))
    if len(data) < least or len(form) <= least:
        return
    end, beginning = data[-least:], data[:least]
    if end in form:
        for at in _places(form, end):
            if data.endswith(form[: at + least]):
                yield len(data) - at - least, len(data)
    if beginning in form:
        for at in _places(form, beginning):
            if data.startswith(form[at:]):
                yield 0, len(form) - at


def _places(form: bytes, piece: bytes) -> Iterator[int]:
    """Yield where a piece stands in a form; a form that repeats itself is not read to its end."""
    at = form.find(piece)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield at
        at = form.find(piece, at + 1)


def _blank(data: bytes) -> bytes:
    return data.replace(b"+", b" ")


def _number(value: str) -> float:
    return float(value) if "." in value else int(value)
