"""What is to be told of a store that no other process shares: this process sees all that happens.

At least once while the process lives. After a kill, the events of executions that go on are told
from their beginning, and those of executions that had just ended may be missing.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from wfcore.errors import StoreError
from wfcore.store.contract import Event, StateStore
from wfcore.store.shared import FeedPage
from wfcore.workflow.states import EventLevel

__all__ = ["LocalFeed"]

_ENDED_KEPT: Final = 10_000
_READ_AT_ONCE: Final = 500
_MOST_PENDING: Final = 50_000


class LocalFeed:
    """A `Feed` of one shard, which is told of each execution that changed."""

    shards = 1

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._changed: dict[str, None] = {}
        self._read: dict[str, int] = {}
        """The last event that was read, of executions that have not ended."""
        self._ended: OrderedDict[str, None] = OrderedDict()
        """Executions whose end was read not long ago: later replies about them are no news."""
        self._page: list[tuple[str, Event]] = []
        """What was read, and is not confirmed."""
        self._reading = asyncio.Lock()

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be told that what can wait should not be read yet."""
        return len(self._page) >= _MOST_PENDING

    def note(self, execution: str) -> None:
        """Take note that something happened to an execution."""
        if execution not in self._ended:
            self._changed[execution] = None

    def forget(self, execution: str) -> None:
        """Keep nothing of an execution that was deleted, but for what is to be told of it."""
        # What is noted stays so: a new execution may have the id already.
        self._read.pop(execution, None)
        self._ended.pop(execution, None)

    async def keep(self, execution: str) -> None:
        """Read what is to be told of an execution, whose events are about to be deleted."""
        async with self._reading:
            # Others are of a process before this one, or told to their end.
            while execution in self._changed or execution in self._read:
                if not await self._take_in(execution, _READ_AT_ONCE):
                    return

    async def feed(
        self,
        shard: int,  # noqa: ARG002 - there is one
        relay: str,  # noqa: ARG002
        level: EventLevel,  # noqa: ARG002 - the relay's sinks choose
        limit: int,
    ) -> FeedPage | None:
        """Read what has not been confirmed yet."""
        async with self._reading:
            try:
                while self._changed and len(self._page) < limit:
                    await self._take_in(next(iter(self._changed)), limit - len(self._page))
            except StoreError:
                # What was read before can be told meanwhile.
                if not self._page:
                    raise
        page = tuple(self._page[:limit])
        return FeedPage(page, len(page))

    async def fed(self, shard: int, relay: str, count: int) -> None:  # noqa: ARG002
        """Confirm the first `count` events."""
        del self._page[:count]

    async def _take_in(self, execution: str, most: int) -> int:
        """Read up to `most` events of an execution; return how many there were."""
        # Before it is read: what happens meanwhile notes it again.
        self._changed.pop(execution, None)
        try:
            events = await self._store.events(execution, self._read.get(execution, 0), most)
        except BaseException:
            # Also where it is cancelled: whoever closes the relay reads it then.
            self._changed[execution] = None
            raise
        if events:
            self._page += ((execution, event) for event in events)
            self._read[execution] = events[-1].seq
            if events[-1].status.terminal:
                self._end(execution)
            elif len(events) == most:
                self._changed[execution] = None
        return len(events)

    def _end(self, execution: str) -> None:
        self._read.pop(execution, None)
        self._changed.pop(execution, None)
        self._ended[execution] = None
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)
