"""Keeping what plugins print while they load from standard output, which may be for a result."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final, TextIO

__all__ = ["captured_output"]

_MOST: Final = 2_000


@contextmanager
def captured_output() -> Iterator[Callable[[], str | None]]:
    """Give a function that returns what was printed so far, clipped; None where nothing was.

    A plugin that keeps the stream (a log handler does) writes to the one behind it afterwards.
    """
    stream = _Capture(sys.stdout)
    try:
        with redirect_stdout(stream):
            yield lambda: stream.kept or None
    finally:
        stream.release()


class _Capture(io.TextIOBase):
    """Keeps the beginning of what is written until it is released, then passes everything on."""

    encoding = "utf-8"

    def __init__(self, behind: TextIO | None) -> None:
        super().__init__()
        self.kept = ""
        self._behind = behind
        self._loading = True

    def release(self) -> None:
        self._loading = False

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if self._loading:
            self.kept += text[: _MOST - len(self.kept)]
        elif self._behind is not None:
            self._behind.write(text)
        return len(text)

    def flush(self) -> None:
        if not self._loading and self._behind is not None and not self._behind.closed:
            self._behind.flush()

    def close(self) -> None:
        """Stay open: what is behind is not the plugin's to close."""
