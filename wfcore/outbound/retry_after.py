"""How long a service asks its callers to wait: the header `Retry-After`."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["LONGEST_WAIT", "seconds_to_wait"]

LONGEST_WAIT: Final = 3600.0
"""No service makes a node wait for longer, in seconds."""

_SECONDS: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def seconds_to_wait(header: str, date: str = "", *, now: datetime | None = None) -> float | None:
    """Return the seconds that a `Retry-After` asks for, an hour at most; None where it says none.

    A date is measured from the response's own `Date`, so that a wrong clock, theirs or ours, does
    no harm; without one from `now`, or this moment. A date that is past means 0.
    """
    value = header.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_WAIT)
    until = _read(value)
    if until is None:
        return None
    since = _read(date) or now or datetime.now(UTC)
    return min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT)


def _read(value: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
