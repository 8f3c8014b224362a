"""Handlers that harm the process they run in, and such as use all of their context."""

import asyncio
import ctypes
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from wfcore import Handler, NodeContext, NodeError, handler, hookimpl

_library = logging.getLogger("a.library")


@handler
async def where() -> dict[str, Any]:
    return {"process": os.getpid(), "thread": threading.get_ident()}


@handler
def where_sync() -> dict[str, Any]:
    return {"process": os.getpid(), "thread": threading.get_ident()}


@handler
async def block(seconds: float) -> int:
    """Block the event loop that it runs on."""
    time.sleep(seconds)
    return os.getpid()


@handler
async def block_until(note: str) -> int:
    """Block the event loop that it runs on until a file is there."""
    while not Path(note).exists():
        time.sleep(0.01)
    return os.getpid()


@handler
async def segfault() -> None:
    ctypes.string_at(0)


@handler
def leave(code: int) -> None:
    os._exit(code)


@handler
async def leave_softly(code: int) -> None:
    sys.exit(code)


@handler
async def crash_once(context: NodeContext) -> int:
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return context.attempt


@handler
def spin(note: str = "") -> None:
    """Never end, hold no lock, look at nothing."""
    if note:
        Path(note).write_text(str(os.getpid()))
    while True:
        pass


@handler
def hog(note: str) -> None:
    """Never end, and let no other thread of the process run."""
    sys.setswitchinterval(10_000)
    Path(note).write_text(str(os.getpid()))
    ctypes.PyDLL(None).pause()
    while True:
        pass


@handler
async def deaf() -> None:
    """Take no notice of being cancelled."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@handler
async def polite(note: str) -> None:
    """Say in a file that it was told to end."""
    Path(note).write_text("begun")
    try:
        await asyncio.sleep(60)
    finally:
        Path(note).write_text("told")


@handler
def attentive(note: str, context: NodeContext) -> None:
    Path(note).write_text("begun")
    try:
        while True:
            context.heartbeat()
            time.sleep(0.01)
    finally:
        Path(note).write_text("told")


@handler
def parental(note: str) -> None:
    """Start a program and a fork, and wait for ever."""
    program = subprocess.Popen(["sleep", "600"])
    fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    fork.start()
    Path(note).write_text(f"{os.getpid()} {program.pid} {fork.pid}")
    time.sleep(600)


@handler
def noisy() -> str:
    print("printed on stdout", flush=True)
    os.write(1, b"written to the descriptor\n")
    print("printed on stderr", file=sys.stderr, flush=True)
    return "said"


@handler
async def everything(url: str, context: NodeContext) -> dict[str, Any]:
    """Use each member of the context."""
    context.logger.warning("a line of %s", context.node)
    _library.warning("a library's line")
    context.notice("noticed")
    context.progress(0.5, "half")
    context.emit("kind", {"data": [1, "ä", "\ud800"]})
    for amount in (0.1, 0.2, 3):
        context.meter("tokens", amount)
    response = await context.http.request("GET", url)
    return {
        "ids": [context.execution_id, context.node, context.attempt, context.idempotency_key],
        "outputs": await context.outputs(),
        "input": await context.input(),
        "setting": context.setting("colour"),
        "no setting": context.setting("none"),
        "cancelled": context.cancelled,
        "runs": [context.handler, context.workflow, context.labels, type(context.config).__name__],
        "young": 0 <= context.elapsed < 30,
        "status": response.status,
        "body": response.text,
    }


@handler
async def fetch(url: str, context: NodeContext) -> int:
    return (await context.http.request("GET", url)).status


@handler
async def fall(kind: str) -> Any:
    if kind == "node error":
        raise NodeError(
            "Busy", "not now", retryable=True, retry_after=0.01, status=429, details={"a": [1]}
        )
    if kind == "exception":
        raise KeyError("missing")
    if kind == "cancelled":
        raise asyncio.CancelledError
    if kind == "stop":
        raise StopIteration(1)
    if kind == "no json":
        return {"a": {1, 2}}
    if kind == "nan":
        return {"a": float("nan")}
    if kind == "surrogate":
        return {"a": "\ud800"}
    if kind == "large":
        return "ä" * 600_000
    if kind == "larger":
        return "ä" * 60_000_000
    raise SystemExit(kind)


@handler
def fail_sync(kind: str) -> None:
    if kind == "stop":
        raise StopIteration(1)
    if kind == "exit":
        raise SystemExit(3)
    raise NodeError("Mine", "in a thread")


@handler
async def meter_badly(context: NodeContext) -> None:
    context.meter("tokens", float("nan"))


class Shape(BaseModel):
    width: int = Field(serialization_alias="w")


class Shaped(Handler):
    """Its Output is written otherwise than it is read."""

    name = "shaped"
    Output = Shape

    def run(self, config: Any, context: NodeContext) -> Shape:
        return Shape(width=3)


class Fixed(Handler):
    """Takes an argument: only its plugin can make it."""

    name = "fixed"

    def __init__(self, value: int) -> None:
        self._value = value

    async def run(self, config: Any, context: NodeContext) -> int:
        return self._value


class Closing(Handler):
    """Says in a file that its process let it go."""

    name = "closing"

    class Config(BaseModel):
        note: str

    def __init__(self) -> None:
        self._note: str | None = None

    async def run(self, config: Config, context: NodeContext) -> int:
        self._note = config.note
        return os.getpid()

    async def close(self) -> None:
        if self._note is not None:
            Path(self._note).write_text("closed")


NAMED = Fixed(5)


class Kit:
    """A plugin that is an object."""

    def __init__(self, value: int) -> None:
        self._value = value

    @hookimpl
    def wfcore_register_handlers(self) -> list[Handler]:
        return [Fixed(self._value)]


KIT = Kit(11)


@hookimpl
def wfcore_register_handlers() -> list[Any]:
    return [
        where,
        where_sync,
        block,
        block_until,
        segfault,
        leave,
        leave_softly,
        crash_once,
        spin,
        hog,
        deaf,
        polite,
        attentive,
        parental,
        noisy,
        everything,
        fetch,
        fall,
        fail_sync,
        meter_badly,
        Shaped,
        Fixed(7),
        Closing,
    ]
