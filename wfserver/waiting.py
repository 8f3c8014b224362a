"""Requests that wait: for the end of an execution, and not longer than the server goes on.

However many wait for one execution, one task asks the engine for all of them.
"""

import asyncio
from contextlib import suppress
from typing import Annotated, Final

from fastapi import Depends, Request
from pydantic import Field

from wfcore import Engine, ExecutionNotFound, Result
from wfserver.stopping import Stopping

__all__ = ["MOST_SECONDS", "WaitSeconds", "Waiting", "WaitingRoom", "gone"]

MOST_SECONDS: Final = 60

WaitSeconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]


class WaitingRoom:
    """Those who wait for executions, by execution."""

    def __init__(self, engine: Engine, stopping: Stopping) -> None:
        self._engine = engine
        self._stopping = stopping
        self._awaited: dict[str, asyncio.Task[Result]] = {}
        self._waiting: dict[str, int] = {}

    async def result(self, execution_id: str, seconds: float, request: Request) -> Result:
        """Return how an execution ended; where it stands, if `seconds` pass or the server stops."""
        if seconds <= 0:
            return await self._engine.result(execution_id)
        ended = self._enter(execution_id)
        others = [asyncio.create_task(self._stopping.wait()), asyncio.create_task(gone(request))]
        try:
            await asyncio.wait(
                [ended, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            # Where the one that was waited for is gone, its id may stand for another one.
            with suppress(ExecutionNotFound):
                if ended.done():
                    return ended.result()
        finally:
            for other in others:
                other.cancel()
            self._leave(execution_id)
        return await self._engine.result(execution_id)

    def _enter(self, execution_id: str) -> asyncio.Task[Result]:
        task = self._awaited.get(execution_id)
        if task is None or task.done():
            task = asyncio.create_task(self._engine.wait(execution_id))
            self._awaited[execution_id] = task
        self._waiting[execution_id] = self._waiting.get(execution_id, 0) + 1
        return task

    def _leave(self, execution_id: str) -> None:
        self._waiting[execution_id] -= 1
        if not self._waiting[execution_id]:
            del self._waiting[execution_id]
            self._awaited.pop(execution_id).cancel()


async def gone(request: Request) -> None:
    """Return when the client has gone away, or wants no answer any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _room(request: Request) -> WaitingRoom:
    room = request.app.state.waiting
    assert isinstance(room, WaitingRoom)
    return room


Waiting = Annotated[WaitingRoom, Depends(_room)]
