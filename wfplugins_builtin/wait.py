"""The `wait` handler: goes on after a while, or at a moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from wfcore import Deferred, Handler, NodeContext

__all__ = ["Wait"]

_LONGEST: Final = timedelta(days=3650)
Seconds = Annotated[float, Field(ge=0, le=_LONGEST.total_seconds(), allow_inf_nan=False)]
Duration = Annotated[timedelta, Field(ge=timedelta(0), le=_LONGEST)]
_A_MOMENT: Final = 0.001
"""What is left over after rounding to milliseconds is not waited for."""


class Wait(Handler):
    """Wait for a `duration`, or `until` a moment; no worker is held meanwhile.

    The time is kept in the store: it goes on through restarts and crashes, and the node wakes
    wherever a worker is. A moment that has passed is not waited for.
    """

    name = "wait"
    example: ClassVar[Mapping[str, Any] | None] = {"duration": "PT10M"}

    class Config(BaseModel):
        """One of the two."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        duration: Seconds | Duration | None = None
        """Seconds, or ISO 8601 (`PT90M`, `P1DT12H`), from the node's first attempt."""
        until: AwareDatetime | None = None
        """A moment with its time zone: `2027-01-31T09:00:00+01:00`."""

        @model_validator(mode="after")
        def _is_one_of_them(self) -> Self:
            if (self.duration is None) is (self.until is None):
                raise ValueError("give either a duration or until")
            return self

    class Output(BaseModel):
        """When it went on."""

        waited: float
        """Seconds since the node's first attempt."""
        ended: datetime
        """The moment, in UTC."""

    async def run(self, config: Config, context: NodeContext) -> Output:
        now = datetime.now(UTC)
        left = _left(config, context, now)
        if left > _A_MOMENT:
            until = (now + timedelta(seconds=left)).isoformat(timespec="seconds")
            raise Deferred(left, f"waits until {until}")
        return self.Output(waited=round(context.elapsed, 3), ended=now)


def _left(config: Wait.Config, context: NodeContext, now: datetime) -> float:
    """Return the seconds that are left to wait."""
    if config.until is not None:
        return (config.until - now).total_seconds()
    wanted = config.duration
    seconds = wanted.total_seconds() if isinstance(wanted, timedelta) else wanted
    return (seconds or 0.0) - context.elapsed
