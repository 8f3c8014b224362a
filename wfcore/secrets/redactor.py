"""Masking: what is told of an attempt, without the values of the secrets that it used."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from wfcore.secrets.escapes import Unescaped, unescape
from wfcore.secrets.forms import LEVELS, Encoded, encoded_forms, text_forms

__all__ = ["MASK", "Redactor"]

MASK: Final = "***"
_Span = tuple[int, int]
_PIECE: Final = 8
_MOST_READ: Final = 64 * 1024
_SHORTEST_END: Final = 4
_MOST_PLACES: Final = 16
_HALF_ESCAPE: Final = 6
_LONG_CODE: Final = 10
_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?", re.ASCII)


class _Form(NamedTuple):
    """Something to be found, as texts are compared: with blanks for `+`."""

    data: bytes
    head: bytes
    tail: bytes
    lower: bool
    before: bool
    after: bool


class Redactor:
    """Masks the values of some secrets, in every form that `wfcore.secrets.forms` knows.

    Letters are compared without their case, `+` counts as a blank. A text that ends in the middle
    of a value, or begins there, is masked too: it may have been cut.
    """

    def __init__(self, values: Iterable[str]) -> None:
        values = list(dict.fromkeys(values))
        texts = (Encoded(form) for value in values for form in text_forms(value))
        codes = (form for value in values for form in encoded_forms(value))
        forms = [_comparable(form, letters=True) for form in texts]
        forms += [_comparable(form, letters=False) for form in codes]
        self._forms = list(dict.fromkeys(form for form in forms if form.data))
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
        if not self._forms:
            return value
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
        if not self._forms:
            return text
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
        exact = data.replace(b"+", b" ")
        lower = exact.lower()
        for form in self._forms:
            text = lower if form.lower else exact
            if form.head in text or form.tail in text:
                for find in (_occurrences, _beginning_at_the_end, _end_at_the_beginning):
                    for start, end in find(text, form):
                        yield _widened(text, start, end, form)
        if pieces and len(lower) <= _MOST_READ:
            known = self._known_pieces()
            for start in range(len(lower) - _PIECE + 1):
                if lower[start : start + _PIECE] in known:
                    yield start, start + _PIECE

    def _known_pieces(self) -> frozenset[bytes]:
        """Made when something is told: most attempts have nothing to tell."""
        if self._pieces is None:
            forms = [form.data.lower() for form in self._forms]
            self._pieces = frozenset(
                form[at : at + _PIECE] for form in forms for at in range(len(form) - _PIECE + 1)
            )
        return self._pieces


def _comparable(form: Encoded, *, letters: bool) -> _Form:
    data = form.core.replace(b"+", b" ")
    least = min(_PIECE, max(_SHORTEST_END, len(data) // 2))
    # A long code is known in any case, although nobody could decode it.
    lower = letters or len(data) >= _LONG_CODE
    data = data.lower() if lower else data
    return _Form(data, data[:least], data[-least:], lower, form.before, form.after)


def _occurrences(data: bytes, form: _Form) -> Iterator[_Span]:
    size = len(form.data)
    at = data.find(form.data)
    while at >= 0:
        yield at, at + size
        at = data.find(form.data, at + size)


def _beginning_at_the_end(data: bytes, form: _Form) -> Iterator[_Span]:
    """Yield where a text was cut within a form; half an escape may be left of what followed."""
    size = len(data)
    at = data.find(form.head, max(0, size - len(form.data) - _HALF_ESCAPE))
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        for end in range(size, max(at + len(form.head), size - _HALF_ESCAPE) - 1, -1):
            if end - at < len(form.data) and form.data.startswith(data[at:end]):
                yield at, end
                return
        at = data.find(form.head, at + 1)


def _end_at_the_beginning(data: bytes, form: _Form) -> Iterator[_Span]:
    """Yield where a text that was cut begins within a form, perhaps within an escape of it."""
    at = data.rfind(form.tail, 0, len(form.data) + _HALF_ESCAPE)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        end = at + len(form.tail)
        for start in range(min(at, _HALF_ESCAPE) + 1):
            if end - start < len(form.data) and form.data.endswith(data[start:end]):
                yield start, end
                return
        at = data.rfind(form.tail, 0, end - 1)


def _widened(data: bytes, start: int, end: int, form: _Form) -> _Span:
    """Take in the characters of base64 that have some bits of the value, and the padding."""
    if form.after:
        end = min(end + 1, len(data))
        while data[end : end + 1] == b"=":
            end += 1
    return (max(start - 1, 0) if form.before else start), end


def _number(value: str) -> float:
    return float(value) if "." in value else int(value)
