"""How many requests may be under way at a time: over all, and for each provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from wfcore import NodeContext, NodeError

__all__ = ["Gates"]

_OVERALL = "llm_max_concurrency"


class Gates:
    """Holds requests back while `APP_LLM_MAX_CONCURRENCY` of them are under way, first come first.

    A request waits inside its attempt: nothing is charged, and cancelling the node ends the wait.
    """

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def passed(self, provider: str, context: NodeContext) -> AsyncIterator[None]:
        """Wait for the provider's gate, then for that of all; hold both."""
        names = (f"{_OVERALL}_{provider.lower().replace('-', '_')}", _OVERALL)
        async with AsyncExitStack() as held:
            for name in names:
                gate = self._gate(name, context)
                if gate is None:
                    continue
                if gate.locked():
                    context.progress(None, f"waiting: APP_{name.upper()} calls are under way")
                await held.enter_async_context(gate)
            context.progress(None, f"asking {provider}")
            yield

    def _gate(self, name: str, context: NodeContext) -> asyncio.Semaphore | None:
        gate = self._gates.get(name)
        limit = context.setting(name)
        if gate is None and limit:
            if not (limit.isascii() and limit.isdigit() and int(limit) > 0):
                message = f"APP_{name.upper()} is {limit!r}, not a whole number from 1"
                raise NodeError("InvalidSetting", message)
            gate = self._gates[name] = asyncio.Semaphore(int(limit))
        return gate
