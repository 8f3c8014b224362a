"""Handlers that the tests of the server share, and workflows of them."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.server.serving import DEADLINE, Json
from wfcore import Handler, NodeContext, NodeError, handler


class Doing:
    """`work` writes down what ran, `held` waits until told, `fragile` fails until it is mended."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.release = asyncio.Event()
        self.mended = False

        @handler
        async def work(context: NodeContext, value: Any = None) -> dict[str, Any]:
            self.ran.append(context.node)
            context.logger.info("working on %s", context.node)
            return {"value": value}

        @handler
        async def held(context: NodeContext, value: Any = None) -> dict[str, Any]:
            self.ran.append(context.node)
            context.progress(0.5, "half")
            context.emit("token", "hello")
            await self.release.wait()
            return {"value": value}

        @handler
        async def fragile(context: NodeContext, value: Any = None) -> dict[str, Any]:
            self.ran.append(context.node)
            if not self.mended:
                raise NodeError("Broken", "as asked", retryable=False)
            return {"value": value}

        self.handlers: list[Handler] = [work, held, fragile]


def chain(*handlers: str, name: str = "chain", **more: Any) -> Json:
    """Return a workflow of one node after another: `n0`, `n1`, ..."""
    nodes: list[Json] = [{"id": f"n{i}", "handler": each} for i, each in enumerate(handlers)]
    for before, node in pairwise(nodes):
        node["dependencies"] = [before["id"]]
    return {"name": name, "dag": {"nodes": nodes}, **more}


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)
