"""From a JSON pointer to the line of the text that it leads to."""

import re
from typing import Final

__all__ = ["line_of"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class _Open:
    """An object or a list that is being read."""

    def __init__(self, pointer: str, *, is_list: bool) -> None:
        self.pointer = pointer
        self.is_list = is_list
        self.index = 0
        self.key: str | None = None

    def place(self) -> str:
        """Return the pointer of the value that comes next."""
        if self.is_list:
            return f"{self.pointer}/{self.index}"
        return f"{self.pointer}/{self.key}"


def line_of(text: str, pointer: str) -> int | None:
    """Return the line, counted from 1, of the value at `pointer`.

    Where there is no such value (a key is missing), the line of what should hold it. None where
    the text leads nowhere near.
    """
    best: tuple[int, int] | None = None
    for place, offset in _places(text):
        depth = place.count("/")
        if pointer == place:
            best = depth, offset
            break
        if pointer.startswith(place + "/") and (best is None or depth > best[0]):
            best = depth, offset
    return text.count("\n", 0, best[1]) + 1 if best is not None else None


def _places(text: str):
    """Yield the pointer and the offset of every value, in the order of the text."""
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        piece = token[0]
        top = stack[-1] if stack else None
        if piece in "]}":
            if stack:
                stack.pop()
        elif piece == ",":
            if top is not None:
                top.index += 1
                top.key = None
        elif piece == ":":
            continue
        elif top is not None and not top.is_list and top.key is None:
            top.key = _unescaped(piece)
        else:
            place = top.place() if top is not None else ""
            yield place, token.start()
            if piece in "{[":
                stack.append(_Open(place, is_list=piece == "["))
