"""From what a handler raised, whatever it is, to a record that every store takes."""

import math
import traceback
from collections.abc import Sequence
from typing import Any, Final

from wfcore.engine.decide import Failed, Release
from wfcore.engine.plans import json_text
from wfcore.errors import Deferred, ErrorRecord, NodeError
from wfcore.isolation.failure import RaisedElsewhere
from wfcore.plugins.failure import said
from wfcore.secrets.redactor import Redactor

__all__ = ["failure_of", "release_of", "storable_text"]

_LONGEST_TYPE: Final = 256
_LONGEST_MESSAGE: Final = 2_000
_LONGEST_DETAILS: Final = 4 * _LONGEST_MESSAGE
_LONGEST_READ: Final = 64 * 1024
_TRACEBACK_LINES: Final = 8
_LONGEST_DELAY: Final = 366 * 86_400.0
_LONGEST_WAIT: Final = 10 * _LONGEST_DELAY
_LONGEST_REASON: Final = 500
_LEAST_WAIT_MS: Final = 50
"""A handler that asks to be run at once, again and again, must not fill the store with attempts."""


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
        return _release(later, lines, redactor or Redactor(()))
    except Exception:  # noqa: BLE001 - one of a plugin's own making may be broken itself
        return failure_of(later, redactor)


def _release(later: Deferred, lines: Sequence[str], mask: Redactor) -> Release | Failed:
    given = later.seconds
    try:
        seconds = float(given)
    except Exception:  # noqa: BLE001 - a plugin's __float__ may raise anything
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_WAIT:
        message = _masked(f"the handler asked to be run in {_shown(given)} s", mask)
        record = ErrorRecord(type="InvalidDelay", message=message, retryable=False)
        return Failed(record)
    reason = _masked(said(later.reason), mask, _LONGEST_REASON)
    return Release(max(_LEAST_WAIT_MS, math.ceil(seconds * 1000)), reason, tuple(lines))


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


def _masked(text: str, mask: Redactor, longest: int = _LONGEST_MESSAGE) -> str:
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
    if isinstance(retry_after, float) and not math.isfinite(retry_after):
        return None
    if not isinstance(retry_after, int | float):
        return None
    # Compared before it is converted: no float takes an integer of any length.
    return float(min(max(retry_after, 0.0), _LONGEST_DELAY))


def _from_exception(error: BaseException, mask: Redactor) -> ErrorRecord:
    if isinstance(error, RaisedElsewhere):
        name, told = error.type, error.traceback
    else:
        name, told = type(error).__name__, _traceback(error)
    tail = mask.text(told[-_LONGEST_READ:]).splitlines()[-_TRACEBACK_LINES:]
    return ErrorRecord(
        type=_masked(name, mask, _LONGEST_TYPE),
        message=_masked(said(error) or name, mask, _LONGEST_MESSAGE),
        retryable=True,
        details={"traceback": [storable_text(line, _LONGEST_MESSAGE // 4) for line in tail]},
    )


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - it reads what a plugin may have broken
        return f"no traceback: writing it raised {type(broken).__name__}"


def _shown(given: object) -> str:
    try:
        return repr(given)
    except Exception:  # noqa: BLE001 - a plugin's __repr__ may raise anything
        return f"a {type(given).__name__} that cannot be shown"
