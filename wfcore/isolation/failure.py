"""How an attempt in another process failed: told there, raised here."""

import json
import math
import signal
import traceback
from typing import Any, Final

from wfcore.errors import Deferred, NodeError
from wfcore.isolation.frames import Message
from wfcore.plugins.failure import said

__all__ = ["RaisedElsewhere", "crashed", "raised", "told", "untold"]

_LONGEST_TOLD: Final = 64 * 1024


class RaisedElsewhere(Exception):
    """Stands for an exception of another process: the name of its class, and its traceback."""

    def __init__(self, type: str, message: str, traceback: str) -> None:
        self.type = type
        self.traceback = traceback
        super().__init__(message)


def told(error: BaseException) -> Message:
    """Return the message about what a handler raised, whatever that is."""
    if isinstance(error, Deferred):
        reason = said(error.reason)[:_LONGEST_TOLD]
        return {"kind": "deferred", "seconds": _number(error.seconds), "reason": reason}
    if isinstance(error, NodeError):
        try:
            return {
                "kind": "error",
                "type": str(error.type)[:_LONGEST_TOLD],
                "message": str(error.message)[:_LONGEST_TOLD],
                "retryable": bool(error.retryable),
                "retry_after": _number(error.retry_after),
                "status": _number(error.status),
                "details": _details(error.details),
            }
        except Exception as broken:  # noqa: BLE001 - an error of a plugin's own making may be broken itself
            error.add_note(f"no record: {type(broken).__name__}")
    return {
        "kind": "raised",
        "type": type(error).__name__,
        "message": said(error)[:_LONGEST_TOLD],
        "traceback": "".join(traceback.format_exception(error))[-_LONGEST_TOLD:],
    }


def untold(error: BaseException, broken: BaseException) -> Message:
    """Return the message about what a handler raised where telling it has failed itself."""
    return {
        "kind": "raised",
        "type": type(error).__name__[:_LONGEST_TOLD],
        "message": f"no message: telling it raised {type(broken).__name__[:_LONGEST_TOLD]}",
        "traceback": "",
    }


def raised(message: Message) -> Exception:
    """Return the error that such a message tells of.

    Raises:
        TypeError: it is no such message; a process that was taken over may say anything.

    """
    fields = {name: value for name, value in message.items() if name != "kind"}
    for name in fields.keys() & {"type", "message", "reason", "traceback"}:
        if not isinstance(fields[name], str):
            raise TypeError(f"{name} is no text")
    kinds: dict[str, type[Exception]] = {"deferred": Deferred, "error": NodeError}
    return kinds.get(message["kind"], RaisedElsewhere)(**fields)


def crashed(handler: str, code: int) -> NodeError:
    """Return the error of an attempt whose process ended with this code, negative for signals."""
    details: dict[str, Any]
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        how, details = f"was ended by {name}", {"signal": name}
    else:
        how, details = f"ended with exit code {code}", {"exit_code": code}
    message = f"the process in which {handler!r} ran {how}"
    return NodeError("HandlerCrashed", message, retryable=True, details=details)


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        float(value)
    except OverflowError:
        # JSON takes no integer of so many digits.
        return math.inf if value > 0 else -math.inf
    return value


def _details(details: Any) -> Any:
    try:
        text = json.dumps(details)
        return details if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD]
    except (TypeError, ValueError, RecursionError):
        return repr(details)[:_LONGEST_TOLD]
