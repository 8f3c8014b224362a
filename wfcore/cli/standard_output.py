"""Keeping standard output for the result, whatever handlers print."""

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["kept_for_result", "writing_result"]


@contextlib.contextmanager
def kept_for_result() -> Iterator[None]:
    """Send everything that is written to standard output meanwhile to standard error.

    The descriptor itself is changed, so that it holds for C libraries and child processes too.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def writing_result() -> Iterator[None]:
    """Let whoever reads the result leave early: it is stored, and the exit code is about it.

    Raises `OSError` for what else keeps it from being written.
    """
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as error:
        # What is still buffered must not fail once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise
