"""The bus inside one process."""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence

from wfcore.bus.contract import Task

__all__ = ["LocalBus"]


class LocalBus:
    """A `TaskBus` of one event loop. A task that still waits here is not queued twice."""

    name = "this process"

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()
        self._known: set[Task] = set()
        self._arrived = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """Always: nothing is between who publishes and who takes."""
        return True

    async def open(self, queues: Collection[str]) -> None:
        """Do nothing: whoever publishes here also takes from here, all queues alike."""

    async def close(self) -> None:
        """Drop what waits: the store has it."""
        self._waiting.clear()
        self._known.clear()

    async def publish(self, tasks: Sequence[Task]) -> None:
        """Queue hints."""
        for task in tasks:
            if task not in self._known:
                self._known.add(task)
                self._waiting.append(task)
        if self._waiting:
            self._arrived.set()

    async def take(self, limit: int) -> list[Task]:
        """Wait for hints."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self.take_now(limit)

    def take_now(self, limit: int) -> list[Task]:
        """Return hints that are at hand."""
        tasks = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._known.difference_update(tasks)
        return tasks

    async def claimed(self, tasks: Sequence[Task]) -> None:
        """Do nothing: `take` removed them."""

    async def lag(self) -> Mapping[str, int]:
        """Count the hints that wait, by queue."""
        return Counter(task.queue for task in self._waiting)
