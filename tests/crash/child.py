"""A process that runs workflows until it is killed; its one argument is a JSON object.

`store` is the file, `port` the service's, `document` the workflow and `executions` their ids;
`start` says to submit and trigger them, or only to go on with what is in the file. It prints
`started <time>` when its engine is open, `triggered` when all triggers are acknowledged, and
`ended <execution> <status>` for each execution. `kill` is a place to die at: the failpoints wrap
the store, so that the product has none.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wfcore import Engine, NodeContext, NodeError, handler
from wfcore.store.contract import Move, Reply
from wfcore.store.sqlite import SqliteStore


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal(SqliteStore):
    """Kills its process before or after a Move that `kill` describes: its key, state, cursor."""

    def __init__(self, path: Path, kill: dict[str, Any] | None) -> None:
        super().__init__(path)
        self._kill = kill

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        dies = self._kill is not None and any(self._is_meant(move) for move in moves)
        if dies and self._kill is not None and self._kill["when"] == "before":
            die()
        replies = await super().apply(moves)
        if dies or any(self._leases(reply) for reply in replies):
            die()
        return replies

    def _is_meant(self, move: Move) -> bool:
        kill = self._kill or {}
        return bool(
            kill["when"] != "leased"
            and move.key == kill["key"]
            and str(move.to) == kill["to"]
            and move.cursor == kill.get("cursor", -1)
        )

    def _leases(self, reply: Reply) -> bool:
        if self._kill is None or self._kill["when"] != "leased":
            return False
        leases = [*reply.kept, *([reply.lease] if reply.lease is not None else [])]
        return any(lease.key == self._kill["key"] for lease in leases)


def say(*words: object) -> None:
    print(*words, flush=True)


async def post(port: int, path: str, key: str) -> int:
    """Send one request by hand; returns the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"POST {path} HTTP/1.0\r\nHost: ledger\r\nIdempotency-Key: {key}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        status = (await reader.readline()).split()
        return int(status[1])
    finally:
        writer.close()


async def main(given: dict[str, Any]) -> None:
    @handler
    async def call(context: NodeContext) -> str:
        path = f"/{context.execution_id}/{context.node}"
        status = await post(given["port"], path, context.idempotency_key)
        if given.get("kill_in_handler") == context.node:
            die()
        if status != 200:
            raise NodeError("Unavailable", str(status), retryable=True)
        return context.node

    store = Mortal(Path(given["store"]), given.get("kill"))
    async with Engine(store, handlers=[call], **given.get("options", {})) as engine:
        say("started", time.monotonic())
        if given["start"]:
            for execution in given["executions"]:
                await engine.submit(given["document"], execution_id=execution)
            await asyncio.gather(*(engine.trigger(each) for each in given["executions"]))
            say("triggered")
        for execution in given["executions"]:
            result = await engine.wait(execution)
            say("ended", execution, result.status)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
