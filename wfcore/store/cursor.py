"""Where a list of executions goes on: the number of the last one shown, as text."""

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem

__all__ = ["read_cursor"]


def read_cursor(after: str) -> int | None:
    """Return the number below which the list goes on; None: at its begin.

    Raises `DocumentRefused` for what no page gave.
    """
    if not after:
        return None
    if after.isascii() and after.isdecimal() and len(after) <= 18:
        return int(after)
    message = "this is no cursor that a page of this list gave"
    raise DocumentRefused([Problem("list.cursor", "", message, "begin without one")])
