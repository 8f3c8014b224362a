"""The processes of an engine: started when they are needed, used again, never more than so many."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from wfcore.errors import EngineNotOpen, NodeError
from wfcore.isolation.order import Order, Setting
from wfcore.isolation.origin import Origin
from wfcore.isolation.process import HandlerProcess
from wfcore.plugins.context import NodeContext

__all__ = ["ProcessPool"]

_CLOSE_SECONDS: Final = 2.0


class ProcessPool:
    """Runs attempts in up to `most` processes, each of which knows handlers of one origin only."""

    def __init__(
        self, most: int, setting: Setting, private: Mapping[Origin, Mapping[str, str]]
    ) -> None:
        """`private` are the settings of the plugins behind origins, credentials among them."""
        self._most = most
        self._setting = setting
        self._private = private
        self._turn = asyncio.Semaphore(most)
        self._idle: list[HandlerProcess] = []
        self._busy: set[HandlerProcess] = set()
        self._starting = 0
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def processes(self) -> list[int]:
        """The process ids of those that run, or wait for work."""
        return [each.pid for each in (*self._idle, *self._busy) if each.alive]

    async def run(self, origin: Origin, order: Order, context: NodeContext, grace: float) -> Any:
        """Wait for a free process, and run an attempt there as `HandlerProcess.run` does."""
        async with self._turn:
            process = await self._take(origin)
            self._busy.add(process)
            try:
                return await process.run(order, context, grace)
            finally:
                self._busy.discard(process)
                if not process.alive or self._closed:
                    self._let_go(process)
                else:
                    self._idle.append(process)

    async def close(self) -> None:
        """End every process, within a few seconds; attempts from now on are refused."""
        self._closed = True
        for process in self._busy:
            process.kill()
        for process in self._idle:
            self._let_go(process)
        self._idle.clear()
        while self._leaving:
            await asyncio.wait(self._leaving)

    async def _take(self, origin: Origin) -> HandlerProcess:
        while (process := self._idle_one(origin)) is None and self._full:
            # Whose turn it is runs in none yet, so that one is idle where none is leaving.
            if not self._leaving:
                self._let_go(self._idle.pop(0))
            # One that is leaving lives on while its handlers close.
            await asyncio.wait(self._leaving, return_when=asyncio.FIRST_COMPLETED)
        if process is not None:
            return process
        self._starting += 1
        try:
            private = self._private.get(origin, {})
            return await HandlerProcess.start(origin, self._setting, private)
        except OSError as error:
            message = f"no process could be started: {error}"
            raise NodeError("HandlerCrashed", message, retryable=True) from error
        finally:
            self._starting -= 1

    @property
    def _full(self) -> bool:
        here = len(self._idle) + len(self._busy) + len(self._leaving)
        return here + self._starting >= self._most

    def _idle_one(self, origin: Origin) -> HandlerProcess | None:
        """Take an idle process of this origin, where there is one."""
        if self._closed:
            raise EngineNotOpen("the engine is closed: its processes take no more attempts")
        self._idle = [each for each in self._idle if each.alive or self._let_go(each)]
        # The one that was used last: what it needs is most likely still in memory.
        for process in reversed(self._idle):
            if process.origin == origin:
                self._idle.remove(process)
                return process
        return None

    def _let_go(self, process: HandlerProcess) -> bool:
        """End a process in the background; always False."""
        task = asyncio.get_running_loop().create_task(process.close(_CLOSE_SECONDS))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return False
