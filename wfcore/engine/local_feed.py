"""What is to be told of a store that no other process shares: this process sees all that happens.

At least once while the process lives. After a kill, the events of executions that go on are told
from their beginning, and those of executions that had just ended may be missing.
"""

from collections import OrderedDict
from typing import Final

from wfcore.store.contract import Event, StateStore
from wfcore.store.shared import FeedPage
from wfcore.workflow.states import EventLevel

__all__ = ["LocalFeed"]

_ENDED_KEPT: Final = 10_000


class LocalFeed:
    """A `Feed` of one shard, which is told of each execution that changed."""

    shards = 1

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._changed: dict[str, None] = {}
        self._told: dict[str, int] = {}
        """The last event that was told, of executions that have not ended."""
        self._ended: OrderedDict[str, None] = OrderedDict()
        """Executions whose end was told not long ago: later replies about them are no news."""
        self._page: list[tuple[str, Event]] = []

    def note(self, execution: str) -> None:
        """Take note that something happened to an execution."""
        if execution not in self._ended:
            self._changed[execution] = None

    async def feed(
        self,
        shard: int,  # noqa: ARG002 - there is one
        relay: str,  # noqa: ARG002
        level: EventLevel,  # noqa: ARG002 - the relay's sinks choose
        limit: int,
    ) -> FeedPage | None:
        """Read what has not been confirmed yet."""
        while self._changed and len(self._page) < limit:
            execution = next(iter(self._changed))
            # Before it is read: what happens meanwhile notes it again.
            del self._changed[execution]
            room = limit - len(self._page)
            events = await self._store.events(execution, self._position(execution), room)
            self._page += ((execution, event) for event in events)
            if len(events) == room:
                self._changed[execution] = None
        return FeedPage(tuple(self._page), len(self._page))

    async def fed(self, shard: int, relay: str, count: int) -> None:  # noqa: ARG002
        """Confirm the first `count` events."""
        for execution, event in self._page[:count]:
            self._told[execution] = event.seq
            if event.status.terminal:
                self._forget(execution)
        del self._page[:count]

    def _position(self, execution: str) -> int:
        """Return the last event that was read of an execution, confirmed or not."""
        read = (event.seq for at, event in reversed(self._page) if at == execution)
        return next(read, self._told.get(execution, 0))

    def _forget(self, execution: str) -> None:
        self._told.pop(execution, None)
        self._ended[execution] = None
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)
