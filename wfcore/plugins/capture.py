"""Keeping what plugins print while they load from standard output, which may be for a result."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final

__all__ = ["captured_output"]

_MOST: Final = 2_000


@contextmanager
def captured_output() -> Iterator[Callable[[], str | None]]:
    """Give a function that returns what was printed so far, clipped; None where nothing was."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        yield lambda: stream.getvalue()[:_MOST] or None
