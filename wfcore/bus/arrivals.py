"""Hints that arrived and wait for the worker to take them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from wfcore.bus.contract import Task

__all__ = ["Arrivals"]


class Arrivals:
    """A queue of one event loop; who fills it can wait until it is needed."""

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._takers = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, tasks: Iterable[Task]) -> None:
        """Add hints."""
        self._waiting.extend(tasks)
        if self._waiting:
            self._arrived.set()

    def drop(self, gone: Callable[[Task], bool]) -> None:
        """Drop the hints that somebody else has to take."""
        self._waiting = deque(task for task in self._waiting if not gone(task))

    async def take(self, limit: int) -> list[Task]:
        """Wait for hints, and return up to `limit` of them."""
        while not self._waiting:
            self._arrived.clear()
            self._takers += 1
            self._drained.set()
            try:
                await self._arrived.wait()
            finally:
                self._takers -= 1
        return self.take_now(limit)

    def take_now(self, limit: int) -> list[Task]:
        """Return hints that are at hand."""
        tasks = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._drained.set()
        return tasks

    async def below(self, most: int, seconds: float) -> bool:
        """Wait until fewer than `most` wait here, or for some seconds; whether that is so."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while len(self._waiting) >= most and (left := end - loop.time()) > 0:
            self._drained.clear()
            # Not wait_for: on Python 3.11 it loses a cancellation that meets the event.
            try:
                async with asyncio.timeout(left):
                    await self._drained.wait()
            except TimeoutError:
                break
        return len(self._waiting) < most

    async def asked_for(self) -> None:
        """Wait until somebody waits here for hints, and there are none."""
        while self._waiting or not self._takers:
            self._drained.clear()
            await self._drained.wait()
