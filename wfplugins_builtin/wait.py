"""The `wait` handler: goes on after a while, or at a moment."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from wfcore import Deferred, Handler, NodeContext

__all__ = ["Wait"]

_LONGEST: Final = timedelta(days=3650)
_A_MOMENT: Final = 0.001
"""What is left over after rounding to milliseconds is not waited for."""
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_AMOUNT: Final = r"([0-9]+(?:[.,][0-9]+)?)"
_ISO: Final = re.compile(
    rf"P(?=[0-9T])(?:{_AMOUNT}Y)?(?:{_AMOUNT}M)?(?:{_AMOUNT}W)?(?:{_AMOUNT}D)?"
    rf"(?:T(?=[0-9])(?:{_AMOUNT}H)?(?:{_AMOUNT}M)?(?:{_AMOUNT}S)?)?"
)
_UNITS: Final = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3600, 60, 1)
"""Seconds of a year, month, week, day, hour, minute and second."""
_FORMS: Final = "a number of seconds, or ISO 8601 such as PT90M or P1DT12H"


def _seconds(given: Any) -> float | None:
    """Return a duration in seconds; what is wrong with it is told in one sentence."""
    if given is None:
        return None
    seconds = _read(given)
    if seconds is None:
        raise PydanticCustomError("duration", "takes {forms}", {"forms": _FORMS})
    if seconds < 0:
        raise PydanticCustomError("duration", "must not be negative")
    if seconds > _LONGEST.total_seconds():
        raise PydanticCustomError("duration", "must not be longer than 3650 days")
    return seconds


def _read(given: Any) -> float | None:
    if isinstance(given, timedelta):
        return given.total_seconds()
    if isinstance(given, int | float) and not isinstance(given, bool):
        # Bounded first: no float takes an integer of any length.
        seconds = float(min(max(given, -1), _LONGEST.total_seconds() + 1))
        return seconds if given == given else None  # noqa: PLR0124 - not a number
    if not isinstance(given, str):
        return None
    if _NUMBER.fullmatch(given):
        return float(given)
    sign, text = (-1, given[1:]) if given.startswith("-") else (1, given)
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    amounts = (float((amount or "0").replace(",", ".")) for amount in found.groups())
    total = sum(amount * unit for amount, unit in zip(amounts, _UNITS, strict=True))
    return sign * total


def _near(until: datetime) -> datetime:
    # Compared, not added to: the last moments that a datetime holds have no later ones.
    if until - datetime.now(UTC) > _LONGEST:
        raise PydanticCustomError("until", "must not be more than 3650 days away")
    return until


Seconds = Annotated[
    float | None,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": _LONGEST.total_seconds()},
                {"type": "string", "format": "duration"},
                {"type": "null"},
            ]
        }
    ),
]
Moment = Annotated[AwareDatetime, AfterValidator(_near)]


class Wait(Handler):
    """Wait for a `duration`, or `until` a moment; no worker is held meanwhile.

    The time is kept in the store: it goes on through restarts and crashes, and the node wakes
    wherever a worker is. A moment that has passed is not waited for; one that is more than 3650
    days away is refused.
    """

    name = "wait"
    example: ClassVar[Mapping[str, Any] | None] = {"duration": "PT10M"}

    class Config(BaseModel):
        """One of the two."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        duration: Seconds = None
        """Seconds, or ISO 8601 (`PT90M`, `P1DT12H`), from the node's first attempt."""
        until: Moment | None = None
        """A moment with its time zone: `2027-01-31T09:00:00+01:00`."""

        @model_validator(mode="after")
        def _is_one_of_them(self) -> Self:
            if (self.duration is None) is (self.until is None):
                given = "neither is" if self.until is None else "both are"
                message = "give either a duration or until; {given} given"
                raise PydanticCustomError("wait", message, {"given": given})
            return self

    class Output(BaseModel):
        """When it went on."""

        waited: float
        """Seconds since the node's first attempt."""
        ended: datetime
        """The moment, in UTC."""

    async def run(self, config: Config, context: NodeContext) -> Output:
        now = context.now
        left = _left(config, context, now)
        if left > _A_MOMENT:
            until = (now + timedelta(seconds=left)).isoformat(timespec="seconds")
            raise Deferred(left, f"waits until {until}")
        return self.Output(waited=round(context.elapsed, 3), ended=now)


def _left(config: Wait.Config, context: NodeContext, now: datetime) -> float:
    """Return the seconds that are left to wait."""
    if config.until is not None:
        return (config.until - now).total_seconds()
    return (config.duration or 0.0) - context.elapsed
