"""One process that runs handlers, as its engine sees it."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Self

from wfcore.isolation.failure import crashed, raised, told
from wfcore.isolation.frames import Message, packed, read_message
from wfcore.isolation.order import Order, Setting
from wfcore.isolation.origin import Origin
from wfcore.plugins.context import NodeContext

__all__ = ["HandlerProcess"]

_log = logging.getLogger(__name__)
_STDERR: Final = 2
_LAST_WORDS_SECONDS: Final = 0.5
_LONGEST_NAME: Final = 256
# The child gets our search path before it imports anything of ours.
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]);"
    " from wfcore.isolation.child import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


class HandlerProcess:
    """A child that runs one attempt at a time. Its end, however it comes, ends only that."""

    def __init__(
        self, origin: Origin, setting: Setting, process: "subprocess.Popen[bytes]", lifeline: int
    ) -> None:
        self.origin = origin
        self._longest = setting.longest_message
        self._process = process
        # A pipe that nobody writes to. Where it breaks because we are gone, so is the child.
        self._lifeline = lifeline
        self._reaping = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Any] = self._loop.create_future()
        self._answer: asyncio.Future[Any] | None = None
        self._serial = 0
        self._killed = False
        self._context: NodeContext | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        threading.Thread(target=self._wait, name="wf-process", daemon=True).start()

    @classmethod
    async def start(cls, origin: Origin, setting: Setting, private: Mapping[str, str]) -> Self:
        """Start one, with its plugin's settings; raises `OSError` where the system has no room."""
        ours, theirs = socket.socketpair()
        their_end, our_end = os.pipe()
        try:
            process = cls(origin, setting, _started(theirs.fileno(), their_end), our_end)
        except BaseException:
            ours.close()
            os.close(our_end)
            raise
        finally:
            theirs.close()
            os.close(their_end)
        try:
            await process._connect(ours)
        except BaseException:
            process.kill()
            raise
        first = {"setting": asdict(setting), "origin": list(origin), "private": dict(private)}
        process._say(first)
        return process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another attempt."""
        return not self._killed and self._listening is not None and not self._listening.done()

    async def run(self, order: Order, context: NodeContext, grace: float) -> Any:
        """Run one attempt and return its output; raises what its handler raised.

        Cancelled, it tells the handler so, and kills the process where that does not end within
        `grace` seconds.

        Raises:
            NodeError: `HandlerCrashed`; or that of the handler.

        """
        answer: asyncio.Future[Any] = self._loop.create_future()
        frame = packed({"kind": "run", "serial": self._serial + 1, **order.as_dict()})
        self._serial += 1
        self._answer, self._context = answer, context
        try:
            self._send(frame)
            await asyncio.wait({answer, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                # What it had said before its end is still to be read.
                await self._drained()
        except BaseException:
            await self._stop(answer, grace)
            raise
        finally:
            self._answer = self._context = None
            for task in self._answering:
                task.cancel()
        if not answer.done():
            raise crashed(order.handler, self._ended.result())
        ending = answer.result()
        if isinstance(ending, Exception):
            raise ending
        return ending

    async def close(self, seconds: float) -> None:
        """Let it end, and make it end after some seconds."""
        if not self._ended.done():
            self._say({"kind": "close"})
            await asyncio.wait({self._ended}, timeout=seconds)
        self.kill()
        await asyncio.wait({self._ended}, timeout=seconds)
        await self._drained()

    def kill(self) -> None:
        """End it and what it started, at once."""
        self._killed = True
        with self._reaping:
            if self._process.returncode is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    async def _stop(self, answer: "asyncio.Future[Any]", grace: float) -> None:
        try:
            self._say({"kind": "cancel"})
            await asyncio.wait(
                {answer, self._ended}, timeout=grace, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not answer.done():
                self.kill()
        if not answer.done():
            await asyncio.wait({self._ended})

    async def _connect(self, ours: socket.socket) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._listening = self._loop.create_task(self._listen(reader))

    def _say(self, message: Message) -> None:
        self._send(packed(message))

    def _send(self, frame: bytes) -> None:
        # Once it is gone, its end is what counts, and that is heard elsewhere.
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame)

    async def _drained(self) -> None:
        """Wait until all that it said is read; not for ever, where a child of its own holds on."""
        if self._listening is not None:
            _, late = await asyncio.wait({self._listening}, timeout=_LAST_WORDS_SECONDS)
            if late:
                self._listening.cancel()
                await asyncio.wait(late)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                self._hear(await read_message(reader, self._longest))
        except (asyncio.IncompleteReadError, OSError):
            pass
        except Exception:  # noqa: BLE001 - a process that was taken over may say anything
            _log.exception("the process %d is killed: it said what makes no sense", self.pid)
        finally:
            # One that cannot be heard is of no use.
            self.kill()
            if self._writer is not None:
                self._writer.close()

    def _hear(self, message: Message) -> None:
        kind = message.pop("kind")
        if kind == "log":
            _log_of_library(**message)
            return
        serial = message.pop("serial")
        if not isinstance(serial, int) or serial > self._serial:
            raise ValueError(f"there was no attempt {serial!r} yet")
        if serial != self._serial:
            # Of an attempt before, a thread that it left behind may still have something to say.
            return
        if kind in {"output", "deferred", "error", "raised"}:
            ending = _ending_of(kind, message)
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(ending)
        elif self._context is not None:
            self._hear_of_attempt(self._context, kind, message)

    def _hear_of_attempt(self, context: NodeContext, kind: str, message: Message) -> None:
        match kind:
            case "ask":
                task = self._loop.create_task(self._reply(context, **message))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case "line":
                _log_again(context.logger, **message)
            case "notice":
                context.notice(message["text"])
            case "progress":
                context.progress(message["fraction"], message["message"])
            case "emit":
                context.emit(message["what"], message["data"])
            case "meter":
                # The process has checked it, but not with the secrets masked in its name.
                with suppress(ValueError):
                    context.meter(message["name"], message["amount"])
            case _:
                raise ValueError(f"no message of kind {kind!r} is known")

    async def _reply(self, context: NodeContext, number: int, what: str) -> None:
        reply: Message = {"kind": "answer", "number": number}
        try:
            reply["value"] = await (context.input() if what == "input" else context.outputs())
        except Exception as error:  # noqa: BLE001 - raised where it was asked
            reply["failure"] = told(error)
        self._say(reply)

    def _wait(self) -> None:
        """Wait, in a thread, for the end of the process and of all that it started."""
        process = self._process
        if hasattr(os, "waitid"):
            # Not reaped yet: until it is, its number belongs to no other group.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.kill()
        with self._reaping if hasattr(os, "waitid") else threading.Lock():
            code = process.wait()
        os.close(self._lifeline)
        # Where the loop is closed, nobody waits any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, code)


def _started(descriptor: int, lifeline: int) -> "subprocess.Popen[bytes]":
    arguments = [str(descriptor), str(lifeline), json.dumps([str(each) for each in sys.path])]
    return subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-u", "-P", "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        # Our stdout may be the result of a command; a handler may print what it likes.
        stdout=_STDERR,
        pass_fds=[descriptor, lifeline],
        process_group=0,
    )


def _ending_of(kind: str, message: Message) -> dict[str, Any] | Exception:
    """Return how an attempt ended; raises `TypeError` where that makes no sense."""
    if kind != "output":
        return raised({"kind": kind, **message})
    output = message["output"]
    if not isinstance(output, dict):
        raise TypeError(f"an output is an object, not {type(output).__name__}")
    return output


def _log_of_library(logger: str, level: int, text: str, failure: str | None) -> None:
    """Write what a library logged, with the logger that takes part here, and under its own name.

    None is made for it: loggers stay for ever, and a process may log under any number of names.
    """
    taking = _existing_logger(logger)
    # Not its `isEnabledFor`, which remembers the answer for each level there is.
    if level > taking.manager.disable and level >= taking.getEffectiveLevel():
        _log_again(taking, level, text, failure, logger[:_LONGEST_NAME])


def _existing_logger(name: str) -> logging.Logger:
    """Return the logger of this name, else the nearest one above it, of which it would inherit."""
    while name:
        found = logging.Logger.manager.loggerDict.get(name)
        if isinstance(found, logging.Logger):
            return found
        name = name.rpartition(".")[0]
    return logging.getLogger()


def _log_again(
    logger: logging.Logger, level: int, text: str, failure: str | None, name: str = ""
) -> None:
    record = logger.makeRecord(name or logger.name, level, "", 0, text, (), None)
    if failure is not None:
        # Secrets are masked where records are made, and only in what these are made of.
        told = logger.makeRecord(logger.name, level, "", 0, failure, (), None)
        record.exc_text = told.getMessage()
    logger.handle(record)
