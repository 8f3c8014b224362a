"""From what a handler raised, whatever it is, to a record that every store takes."""

import math
import traceback
from collections.abc import Sequence
from typing import Any, Final

from wfcore.engine.decide import Failed, Release
from wfcore.engine.plans import json_text
from wfcore.errors import Deferred, ErrorRecord, NodeError
from wfcore.isolation.failure import RaisedElsewhere
from wfcore.secrets.redactor import Redactor

__all__ = ["failure_of", "storable_text"]

_LONGEST_TYPE: Final = 256
_LONGEST_MESSAGE: Final = 2_000
_LONGEST_DETAILS: Final = 4 * _LONGEST_MESSAGE
_LONGEST_READ: Final = 64 * 1024
_TRACEBACK_LINES: Final = 8
_LONGEST_DELAY: Final = 366 * 86_400.0
_LONGEST_WAIT: Final = 10 * _LONGEST_DELAY
_LONGEST_REASON: Final = 500


def failure_of(error: BaseException, redactor: Redactor | None = None) -> Failed:
    """Return the outcome of an attempt that ended with this error, its secrets masked."""
    mask = redactor or Redactor(())
    if isinstance(error, NodeError):
        try:
            return Failed(_storable(error.record(), mask), _delay(error.retry_after))
        except Exception:  # noqa: BLE001 - an error of a plugin's own making may be broken itself
            return Failed(_from_exception(error, mask))
    return Failed(_from_exception(error, mask))


def release_of(
    later: Deferred, lines: Sequence[str], redactor: Redactor | None = None
) -> Release | Failed:
    """Return the outcome of an attempt that asked to be run later; at once is a moment later."""
    try:
        seconds = float(later.seconds)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_WAIT:
        message = f"the handler asked to be run in {later.seconds!r} s"[:_LONGEST_MESSAGE]
        record = ErrorRecord(type="InvalidDelay", message=message, retryable=False)
        return Failed(record)
    reason = _masked(str(later.reason), redactor or Redactor(()), _LONGEST_REASON)
    return Release(max(1, math.ceil(seconds * 1000)), reason, tuple(lines))


def storable_text(text: str, longest: int) -> str:
    """Return text that every store takes: at most so long, and without half surrogate pairs."""
    return text[:longest].encode(errors="replace").decode()


def _storable(record: ErrorRecord, mask: Redactor) -> ErrorRecord:
    stored = ErrorRecord(
        type=_masked(str(record["type"]), mask, _LONGEST_TYPE),
        message=_masked(str(record["message"]), mask, _LONGEST_MESSAGE),
        retryable=bool(record["retryable"]),
    )
    if "status" in record:
        stored["status"] = int(record["status"])
    if "details" in record:
        stored["details"] = _details(record["details"], mask)
    return stored


def _masked(text: str, mask: Redactor, longest: int) -> str:
    """Mask a text and cut it, in this order: half a secret is not recognised so well."""
    return storable_text(mask.text(text[:_LONGEST_READ]), longest)


def _details(details: Any, mask: Redactor) -> Any:
    try:
        text = json_text(details)
        text.encode()
        if len(text) <= _LONGEST_DETAILS:
            return mask.details(details)
    except (TypeError, ValueError, RecursionError):
        text = repr(details)
    return _masked(text, mask, _LONGEST_MESSAGE)


def _delay(retry_after: Any) -> float | None:
    if isinstance(retry_after, int | float) and math.isfinite(retry_after):
        return min(max(float(retry_after), 0.0), _LONGEST_DELAY)
    return None


def _from_exception(error: BaseException, mask: Redactor) -> ErrorRecord:
    if isinstance(error, RaisedElsewhere):
        name, told = error.type, error.traceback
    else:
        name, told = type(error).__name__, "".join(traceback.format_exception(error))
    tail = mask.text(told[-_LONGEST_READ:]).splitlines()[-_TRACEBACK_LINES:]
    return ErrorRecord(
        type=storable_text(name, _LONGEST_TYPE),
        message=_masked(_said(error) or name, mask, _LONGEST_MESSAGE),
        retryable=True,
        details={"traceback": [storable_text(line, _LONGEST_MESSAGE // 4) for line in tail]},
    )


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a plugin's __str__ may raise anything
        return f"no message: its __str__ raised {type(broken).__name__}"
