"""One level of escaping undone, in text of any kind, with the way back to where it stood."""

import re
from bisect import bisect_right
from typing import Final

__all__ = ["Unescaped", "unescape"]

# What JSON, URLs, HTML, and Python's repr make of a character; a CR is as good as nothing.
_ESCAPE: Final = re.compile(
    rb"%(?P<percent>[0-9A-Fa-f]{2})"
    rb"|\\(?:u(?P<unit>[0-9A-Fa-f]{4})(?:\\u(?P<low>[Dd][C-Fc-f][0-9A-Fa-f]{2}))?"
    rb"|x(?P<byte>[0-9A-Fa-f]{2})|(?P<letter>[nrtbf\\/\"']))"
    rb"|&(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})"
    rb"|(?P<entity>amp|lt|gt|quot|apos));"
    rb"|(?P<dropped>\r)"
)
_MARKS: Final = re.compile(rb"[%\\&\r]")
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ENTITIES: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}


class Unescaped:
    """UTF-8 text without its escapes; each byte knows where in the original it comes from."""

    def __init__(self, original: bytes) -> None:
        self._starts: list[int] = []
        self._places: list[tuple[int, int, bool]] = []
        self._out = bytearray()
        end = 0
        for match in _ESCAPE.finditer(original):
            self._put(original[end : match.start()], end, match.start(), whole=False)
            self._put(_meaning(match), match.start(), match.end(), whole=True)
            end = match.end()
        self._put(original[end:], end, len(original), whole=False)
        self.data = bytes(self._out)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the bytes from `start` to `end` (> `start`) stand."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _put(self, meaning: bytes, start: int, end: int, *, whole: bool) -> None:
        if meaning:
            self._starts.append(len(self._out))
            self._places.append((start, end, whole))
            self._out += meaning

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._starts, at) - 1
        start, end, whole = self._places[index]
        if whole:
            return start, end
        offset = start + at - self._starts[index]
        return offset, offset + 1


def unescape(text: bytes) -> Unescaped | None:
    """Undo one level of escaping; None where nothing is escaped."""
    if _MARKS.search(text) is None or _ESCAPE.search(text) is None:
        return None
    return Unescaped(text)


def _meaning(match: re.Match[bytes]) -> bytes:
    kind, written = match.lastgroup, match[match.lastgroup or 0]
    if kind == "dropped":
        return b""
    if kind in ("percent", "byte"):
        return bytes([int(written, 16)])
    if kind == "letter":
        return _LETTERS.get(written, written)
    if kind == "entity":
        return _ENTITIES[written]
    if kind == "low":
        high = int(match["unit"], 16)
        if 0xD800 <= high < 0xDC00:
            return _character(0x10000 + ((high - 0xD800) << 10) + int(written, 16) - 0xDC00)
        return _character(high) + _character(int(written, 16))
    return _character(int(written, 10 if kind == "decimal" else 16))


def _character(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else b"?"
