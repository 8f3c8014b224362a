"""From what a handler raised, whatever it is, to a record that every store takes."""

import math
import traceback
from typing import Any, Final

from wfcore.engine.decide import Failed
from wfcore.engine.plans import json_text
from wfcore.errors import ErrorRecord, NodeError

__all__ = ["failure_of", "storable_text"]

_LONGEST_TYPE: Final = 256
_LONGEST_MESSAGE: Final = 2_000
_LONGEST_DETAILS: Final = 4 * _LONGEST_MESSAGE
_TRACEBACK_LINES: Final = 8
_LONGEST_DELAY: Final = 366 * 86_400.0


def failure_of(error: BaseException) -> Failed:
    """Return the outcome of an attempt that ended with this error."""
    if isinstance(error, NodeError):
        try:
            return Failed(_storable(error.record()), _delay(error.retry_after))
        except Exception:  # noqa: BLE001 - an error of a plugin's own making may be broken itself
            return Failed(_from_exception(error))
    return Failed(_from_exception(error))


def storable_text(text: str, longest: int) -> str:
    """Return text that every store takes: at most so long, and without half surrogate pairs."""
    return text[:longest].encode(errors="replace").decode()


def _storable(record: ErrorRecord) -> ErrorRecord:
    stored = ErrorRecord(
        type=storable_text(str(record["type"]), _LONGEST_TYPE),
        message=storable_text(str(record["message"]), _LONGEST_MESSAGE),
        retryable=bool(record["retryable"]),
    )
    if "status" in record:
        stored["status"] = int(record["status"])
    if "details" in record:
        stored["details"] = _details(record["details"])
    return stored


def _details(details: Any) -> Any:
    try:
        text = json_text(details)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return storable_text(repr(details), _LONGEST_MESSAGE)
    return details if len(text) <= _LONGEST_DETAILS else text[:_LONGEST_MESSAGE]


def _delay(retry_after: Any) -> float | None:
    if isinstance(retry_after, int | float) and math.isfinite(retry_after):
        return min(max(float(retry_after), 0.0), _LONGEST_DELAY)
    return None


def _from_exception(error: BaseException) -> ErrorRecord:
    name = type(error).__name__
    tail = "".join(traceback.format_exception(error)).splitlines()[-_TRACEBACK_LINES:]
    return ErrorRecord(
        type=storable_text(name, _LONGEST_TYPE),
        message=storable_text(_said(error) or name, _LONGEST_MESSAGE),
        retryable=True,
        details={"traceback": [storable_text(line, _LONGEST_MESSAGE // 4) for line in tail]},
    )


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a plugin's __str__ may raise anything
        return f"no message: its __str__ raised {type(broken).__name__}"
