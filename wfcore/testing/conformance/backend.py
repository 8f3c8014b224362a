"""One kind of store as the cases see it: how to make it, and what they may count on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wfcore.store.clock import Clock
from wfcore.store.contract import StateStore
from wfcore.testing.conformance.clock import ManualClock

__all__ = ["Backend", "Place"]

_SLACK_MS: Final = 15


@dataclass(frozen=True)
class Place:
    """Where a test's store may put its data: a directory of its own, and the test's clock."""

    directory: Path
    clock: Clock


@dataclass(frozen=True)
class Backend:
    """One kind of store: how to make it, and what the cases may count on."""

    name: str
    make: Callable[[Place], StateStore]
    moves_clock: bool = True
    """Takes the time from the injected clock."""
    restarts: bool = False
    """What was acknowledged is there after the store is opened anew at the same place."""
    deletes_in_steps: bool = False
    """Many rows are more than one step; elsewhere any execution goes at once."""
    in_shards: bool = False
    """Executions are spread, and each shard has documents of its own."""
    releases_leases: bool = False
    """Opening makes the leases of the owner before due at once: one owner at a time."""

    @asynccontextmanager
    async def opened(self, place: Place) -> AsyncIterator[StateStore]:
        store = self.make(place)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def elapse(self, clock: ManualClock, ms: int) -> None:
        """Let time pass for the store: at once where the clock is ours, else for real."""
        if self.moves_clock:
            clock.advance(ms)
        else:
            await asyncio.sleep((ms + _SLACK_MS) / 1000)
