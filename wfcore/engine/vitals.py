"""How an engine and what it stands on are: for probes, metrics and operators."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wfcore.bus.contract import TaskBus
from wfcore.engine.counters import Counters
from wfcore.engine.timings import Timings
from wfcore.errors import StoreError
from wfcore.store.contract import StateStore
from wfcore.store.shared import Census, WorkerRecord, is_shared

__all__ = ["Vitals"]

_ANSWER_SECONDS: Final = 2.0
_NO_EXECUTION: Final = "@readyz"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What an engine counts about itself, and what its store and its bus say."""

    store: StateStore
    bus: TaskBus
    queues: tuple[str, ...]
    """Those that are worked on here."""
    counters: Counters
    timings: Timings

    async def store_answers(self) -> bool:
        """Whether the store answers within two seconds."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.store.read(_NO_EXECUTION)
        except (StoreError, TimeoutError):
            return False
        return True

    async def bus_lag(self) -> Mapping[str, int]:
        """Count what waits on the bus, by queue, as far as this process can know."""
        return await self.bus.lag()

    async def census(self) -> Census | None:
        """Count what the store of a cluster holds; None where it is this process's own."""
        return await self.store.census() if is_shared(self.store) else None

    async def workers(self) -> list[WorkerRecord]:
        """List the workers of a cluster; none where the store is this process's own."""
        return await self.store.workers() if is_shared(self.store) else []

    async def pressure(self) -> str | None:
        """Say why nothing new should be submitted now, or None."""
        return await self.store.pressure() if is_shared(self.store) else None
