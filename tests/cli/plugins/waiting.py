"""Handlers that leave a ledger, wait for a file to appear, print, or cannot be stopped."""

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path

from wfcore import Handler, NodeContext, handler, hookimpl


@handler
async def wait_for(file: str, context: NodeContext) -> str:
    """Write the node into the ledger, then wait until a file is there."""
    with Path("ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{context.node}\n")
    while not Path(file).exists():
        await asyncio.sleep(0.01)
    return f"saw {file}"


@handler
def chatter() -> str:
    """Write to standard output in every way there is."""
    print("printed")
    os.write(1, b"written\n")
    subprocess.run(["/bin/echo", "said by a child"], check=True)
    return "quiet"


@handler
async def deaf() -> str:
    """Go on whatever it is told."""
    Path("ledger").touch()
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@hookimpl
def wfcore_register_handlers() -> list[type[Handler] | Handler]:
    return [wait_for, chatter, deaf]
