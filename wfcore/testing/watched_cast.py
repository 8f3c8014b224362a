"""A cast that watches one handler: when it begins and ends, under which keys, with what result."""

import asyncio
import threading
from inspect import iscoroutinefunction
from typing import Any, Final

from pydantic import BaseModel

from wfcore.errors import NodeError
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler
from wfcore.plugins.output import output_object
from wfcore.testing.cast import Cast

__all__ = ["WatchedCast"]

_LOOKS_PER_SECOND: Final = 20


class WatchedCast(Cast):
    """Plays real handlers only. With `fails_first`, the first call's result is thrown away."""

    def __init__(self, *, fails_first: bool = False) -> None:
        super().__init__({})
        self.entered = asyncio.Event()
        self.ended = threading.Event()
        self.keys: list[str] = []
        """The idempotency key of each call."""
        self.outputs: list[dict[str, Any]] = []
        """The output of each call, also of one that was thrown away."""
        self._fails_first = fails_first

    async def perform(self, real: Handler, config: BaseModel, context: NodeContext) -> Any:
        """Call the handler, and write down what can be seen of it."""
        self.keys.append(context.idempotency_key)
        returned = await self._watched(real, config, context)
        self.outputs.append(output_object(real, returned))
        if self._fails_first and len(self.keys) == 1:
            raise NodeError("ThrownAway", "the first attempt counts as failed", retryable=True)
        return returned

    async def _watched(self, real: Handler, config: BaseModel, context: NodeContext) -> Any:
        self.entered.set()
        if iscoroutinefunction(real.run):
            try:
                return await real.run(config, context)
            finally:
                self.ended.set()

        def call() -> Any:
            try:
                return real.run(config, context)
            finally:
                # A thread goes on when its attempt is over: only it can say when it ends.
                self.ended.set()

        assert self.threads is not None
        return await self.threads.run(call)

    async def ends_within(self, seconds: float, *, in_thread: bool) -> bool:
        """Wait for the end of a call: in virtual time, or in real time where it has a thread."""
        if in_thread:
            return await asyncio.to_thread(self.ended.wait, seconds)
        for _ in range(round(seconds * _LOOKS_PER_SECOND)):
            if self.ended.is_set():
                return True
            await asyncio.sleep(1 / _LOOKS_PER_SECOND)
        return self.ended.is_set()
