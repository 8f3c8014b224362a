"""Where events are told to others: at least once, and in order for each execution."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from wfcore.workflow.states import EventLevel

__all__ = ["EventSink"]


class EventSink(ABC):
    """Takes events that others want to hear of."""

    level: ClassVar[EventLevel] = "executions"
    """Which events it takes, unless the operator says."""

    @property
    def name(self) -> str:
        """What it is and where, for people: without credentials."""
        return type(self).__qualname__

    async def open(self) -> None:  # noqa: B027 - most have nothing to do
        """Begin to connect: the engine starts."""

    async def close(self) -> None:  # noqa: B027
        """Disconnect, within some seconds: the engine closes."""

    @abstractmethod
    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take CloudEvents 1.0, as objects of JSON values, in their order.

        Returning says that all have arrived. Raise anything where they have not: the same events
        are told again later. An event that comes twice has the same `id`.
        """
