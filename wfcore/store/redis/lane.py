"""The way of commands to one shard: what waits at the same moment goes in one call.

While a call is under way, more commands gather: the busier the store, the larger the batches, and
the less each command costs.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from wfcore.store.redis.script import join, packed, unpacked

__all__ = ["Lane"]

_MOST_COMMANDS: Final = 64
_MOST_BYTES: Final = 1 << 20
_CLOSE_SECONDS: Final = 5.0


class _Waiting(NamedTuple):
    command: bytes
    answer: "asyncio.Future[Any]"


class Lane:
    """Sends commands in order, a batch at a time.

    Whoever asks may be cancelled, a call never is: a connection in the middle of an answer could
    not be used again.
    """

    def __init__(self, call: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._call = call
        self._waiting: deque[_Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None

    def ask(self, *command: Any) -> "asyncio.Future[Any]":
        """Send a command; raises `CommandRefused` for what cannot be sent."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(packed(command), loop.create_future())
        self._waiting.append(waiting)
        if self._sender is None:
            self._sender = loop.create_task(self._send())
        return waiting.answer

    async def close(self) -> None:
        """Wait for what is under way, for some seconds at most."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=_CLOSE_SECONDS)
        if self._sender is not None:
            self._sender.cancel()

    async def _send(self) -> None:
        try:
            # Whoever is about to ask in this turn of the loop goes along.
            await asyncio.sleep(0)
            while self._waiting:
                batch = self._next_batch()
                answers = await self._answers(batch)
                for waiting, answer in zip(batch, answers, strict=True):
                    _resolve(waiting.answer, answer)
        finally:
            self._sender = None

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        size = len(batch[0].command)
        while self._waiting and len(batch) < _MOST_COMMANDS:
            size += len(self._waiting[0].command)
            if size > _MOST_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _answers(self, batch: list[_Waiting]) -> list[Any]:
        try:
            return unpacked(await self._call(join([each.command for each in batch])))
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
            return [error] * len(batch)


def _resolve(answer: "asyncio.Future[Any]", value: Any) -> None:
    if answer.done():
        return
    if isinstance(value, Exception):
        answer.set_exception(value)
    else:
        answer.set_result(value)
