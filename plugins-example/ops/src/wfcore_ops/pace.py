"""Holding calls back, so that so many begin in a second."""

import asyncio
from collections.abc import Mapping
from typing import Any

from wfcore import CallNext, NodeContext

__all__ = ["Pace"]


class Pace:
    """A middleware: calls of a handler that has a rate begin one after the other, evenly.

    A call waits inside its attempt: the node's timeout counts, and cancelling it ends the wait.
    """

    def __init__(self, rates: Mapping[str, float]) -> None:
        self._rates = rates
        self._next: dict[str, float] = {}
        """When the next call of a handler may begin, by the loop's clock."""

    async def __call__(self, context: NodeContext, call_next: CallNext) -> dict[str, Any]:
        """Wait for this call's turn."""
        rate = self._rates.get(context.handler)
        if rate is not None:
            now = asyncio.get_running_loop().time()
            turn = max(now, self._next.get(context.handler, now))
            self._next[context.handler] = turn + 1 / rate
            if turn > now:
                context.progress(None, f"waits for its turn, {turn - now:.1f} s")
                await asyncio.sleep(turn - now)
        return await call_next()
