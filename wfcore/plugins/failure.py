"""How the failure of somebody else's code is told: one line, and the whole traceback."""

import inspect
import traceback
from typing import Any, Final, cast

__all__ = ["failure_line", "failure_traceback", "said", "shown"]

_MAX_TRACEBACK: Final = 32 * 1024
_MAX_SHOWN: Final = 200
_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})


def failure_line(error: BaseException) -> str:
    """Return `Type: message`, with the place of a syntax error, even where `str(error)` raises."""
    try:
        line = traceback.format_exception_only(error)[-1].strip()
        if isinstance(error, SyntaxError) and error.filename is not None:
            return f"{line} ({error.filename}, line {error.lineno})"
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - an exception's own attributes are code, which may exit
        return _kind(error)
    return line


def failure_traceback(error: BaseException) -> str:
    """Return the traceback; of a very long one the end, where the failure is."""
    try:
        return "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:]
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - as above; where it happened is known nevertheless
        frames = "".join(traceback.format_tb(error.__traceback__))
        return f"Traceback (most recent call last):\n{frames}{_kind(error)}\n"[-_MAX_TRACEBACK:]


def _kind(value: object) -> str:
    # Not `__name__`, which a metaclass may replace.
    return str(type.__dict__["__name__"].__get__(type(value)))


def said(value: object) -> str:
    """Return `str(value)`, and where a plugin's `__str__` raises, that it does."""
    try:
        return str(value)
    except Exception as broken:  # noqa: BLE001 - a plugin's __str__ may raise anything
        return f"no message: its __str__ raised {type(broken).__name__}"


def shown(value: object) -> str:
    """Return a plugin's value for a message: a plain one as it is, of any other only what it is.

    The `repr` of an object often has what it was made with, credentials among it, and may fail.
    """
    kind = cast("type[Any]", type(value))
    if kind in _PLAIN or (kind in {list, tuple, dict, set} and not value):
        return repr(value)[:_MAX_SHOWN]
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    if inspect.isfunction(value) or inspect.ismodule(value):
        return f"the {kind.__name__} {value.__name__}"
    return f"an object of {_kind(value)}"
