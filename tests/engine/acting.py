"""Handlers that the tests of the engine share, and waiting with a deadline."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from wfcore import Engine, Handler, NodeContext, NodeError, handler
from wfcore.store.contract import Move, Reply

__all__ = ["DEADLINE", "Gate", "Recorder", "boom", "echo", "eventually", "moves_of", "noop"]

DEADLINE = 20.0


@handler
async def noop() -> None:
    return None


@handler
async def echo(value: Any = None) -> dict[str, Any]:
    return {"value": value}


@handler
async def boom(type: str = "Boom", message: str = "as asked", retryable: bool = False) -> None:
    raise NodeError(type, message, retryable=retryable, status=418)


def moves_of(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Move]:
    """Return a list to which every Move is added that the engine applies from now on."""
    applied: list[Move] = []
    apply = engine._store.apply

    async def watched(moves: Sequence[Move]) -> list[Reply]:
        applied.extend(moves)
        return await apply(moves)

    monkeypatch.setattr(engine._store, "apply", watched)
    return applied


class Recorder:
    """A handler `work` that writes down every attempt, and fails the first `failures` of a node."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.attempts: list[tuple[str, int, str]] = []

        @handler
        async def work(context: NodeContext, failures: int = 0, type: str = "Boom") -> int:
            self.started.append(context.node)
            self.attempts.append((context.node, context.attempt, context.idempotency_key))
            if context.attempt <= failures:
                raise NodeError(type, f"attempt {context.attempt}", retryable=True)
            return context.attempt

        self.handler: Handler = work


class Gate:
    """A handler `held` that waits until the gate opens, and one that blocks its thread."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.ended: list[str] = []
        self._open = asyncio.Event()
        self._open_for_threads = threading.Event()

        @handler
        async def held(context: NodeContext) -> str:
            self.waiting.append(context.node)
            await self._open.wait()
            self.ended.append(context.node)
            return "released"

        @handler
        def blocked(context: NodeContext) -> str:
            self.waiting.append(context.node)
            self._open_for_threads.wait(60)
            self.ended.append(context.node)
            return "released"

        self.held: Handler = held
        self.blocked: Handler = blocked

    def open(self) -> None:
        self._open.set()
        self._open_for_threads.set()


async def eventually(
    holds: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = DEADLINE
) -> None:
    """Wait until something holds; fail with `what` did not come true."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert loop.time() < end, f"not in {seconds:g} s: {what}"
        await asyncio.sleep(0.005)
