"""A plugin whose handlers break what they raise, and say what they have no business to say."""

import asyncio
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wfcore import Deferred, Handler, NodeContext, NodeError, handler, hookimpl
from wfcore.isolation.frames import packed


class _Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


class _Unwritable(Exception):
    """Lets nobody write its traceback either."""

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise SystemExit("no cause")


@handler
async def broken(kind: str, context: NodeContext) -> str:
    """Raise what cannot be told."""
    if kind == "endless":
        raise NodeError("Busy", "not now", retry_after=10**5000)
    if kind == "reason" and context.attempt == 1:
        raise Deferred(0.1, _Unspeakable())  # type: ignore[arg-type]
    if kind == "seconds":
        raise Deferred(10**5000)
    if kind == "unwritable":
        raise _Unwritable
    return kind


@handler
async def forge(frame: dict[str, Any], context: NodeContext) -> None:
    """Write a frame of its own, and wait."""
    line: Any = context._line  # type: ignore[attr-defined]
    line.send(packed(frame))
    await asyncio.sleep(0.5)


@handler
def late(context: NodeContext) -> int:
    """Leave a thread behind that answers once more, later."""
    line: Any = context._line  # type: ignore[attr-defined]
    frame = packed({"kind": "output", "serial": 1, "output": {"value": "late"}})
    threading.Timer(0.3, line.send, [frame]).start()
    return os.getpid()


@handler
async def lingering() -> int:
    await asyncio.sleep(0.8)
    return os.getpid()


@handler
def log_much(many: int) -> None:
    for number in range(many):
        logging.getLogger(f"rogue.{os.getpid()}.{number}").warning("line %d", number)


class Lingering(Handler):
    """Lives on for a while when it is let go."""

    name = "slow_to_close"

    class Config(BaseModel):
        note: str

    def __init__(self) -> None:
        self._note: str | None = None

    def run(self, config: Config, context: NodeContext) -> int:
        self._note = config.note
        with Path(config.note).open("a") as note:
            note.write(f"{os.getpid()}\n")
        return os.getpid()

    async def close(self) -> None:
        if self._note is not None:
            time.sleep(0.5)


@hookimpl
def wfcore_register_handlers() -> list[Any]:
    return [broken, forge, late, lingering, log_much, Lingering()]
