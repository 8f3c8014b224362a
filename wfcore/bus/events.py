"""Where events are told to others: at least once, and in order for each execution."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["EventRecord", "EventSink"]


class EventRecord(NamedTuple):
    """One event: those with the same key keep their order."""

    key: bytes
    value: bytes
    content_type: str


class EventSink(Protocol):
    """Takes events that others want to hear of."""

    @property
    def name(self) -> str:
        """What it is and where, for people: without credentials."""

    async def open(self) -> None:
        """Begin to connect."""

    async def close(self) -> None:
        """Disconnect, within some seconds."""

    async def tell(self, records: Sequence[EventRecord]) -> bool:
        """Tell events; whether all of them have arrived. What has not is told again later."""
