"""A program whose handler never ends, in a process of its own: `orphan.py HANDLER NOTE`."""

import asyncio
import os
import signal
import sys

from tests.engine.documents import node, workflow
from tests.isolation.engines import engine


async def main(handler: str, note: str) -> None:
    async with engine() as opened:
        execution, _ = await opened.start_execution(workflow(node("a", handler, note=note)))
        print("started", os.getpid(), flush=True)
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGINT, stopped.set)
        waiting = asyncio.ensure_future(opened.wait(execution))
        await asyncio.wait(
            {waiting, asyncio.ensure_future(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        record = await opened.record(execution)
        print(record.status, flush=True)


asyncio.run(main(*sys.argv[1:]))
