"""Points in time as clients write them: RFC 3339, or seconds since the epoch."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Moment"]

_LATEST_MS: Final = 253_402_300_800_000
"""The end of the year 9999."""


def _milliseconds(given: object) -> int:
    try:
        milliseconds = _read(given)
    except (ValueError, OverflowError, OSError):
        milliseconds = -1
    if not 0 <= milliseconds <= _LATEST_MS:
        raise ValueError("should be a time such as 2026-11-27T10:00:00Z, or seconds since 1970")
    return milliseconds


def _read(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(given)  # noqa: TRY004 - pydantic makes no problem of a TypeError
    try:
        return round(float(given) * 1000)
    except ValueError:
        pass
    # In a URL that was not escaped, the + of an offset has become a space.
    when = datetime.fromisoformat(str(given).replace(" ", "+"))
    if when.tzinfo is None:
        raise ValueError("without an offset it could be many times")
    return round(when.timestamp() * 1000)


Moment = Annotated[
    int,
    BeforeValidator(_milliseconds),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}),
]
"""Milliseconds since the epoch."""
