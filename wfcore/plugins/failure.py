"""How the failure of somebody else's code is told: one line, and the whole traceback."""

import traceback
from typing import Final

__all__ = ["failure_line", "failure_traceback"]

_MAX_TRACEBACK: Final = 32 * 1024


def failure_line(error: BaseException) -> str:
    """Return `Type: message`, with the place of a syntax error, even where `str(error)` raises."""
    line = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{line} ({error.filename}, line {error.lineno})"
    return line


def failure_traceback(error: BaseException) -> str:
    """Return the traceback; of a very long one the end, where the failure is."""
    return "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:]
