"""The process in which handlers run: `main` is all that it does, until its engine lets it go."""

import asyncio
import faulthandler
import fcntl
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from types import FrameType
from typing import Any, Final

from wfcore.errors import NodeError, PluginError
from wfcore.isolation.child_context import ChildContext, LogToEngine
from wfcore.isolation.failure import told, untold
from wfcore.isolation.frames import FrameTooLong, Line, Message, packed
from wfcore.isolation.order import Order, Setting
from wfcore.isolation.origin import Origin, load_handlers
from wfcore.outbound.allow import AllowList
from wfcore.outbound.bound import BoundClient
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import HttpClient
from wfcore.plugins.config import config_of
from wfcore.plugins.handler import Handler
from wfcore.plugins.output import output_object

__all__ = ["main"]

_UNHEARD: Final = 70
"""The exit code of a process that cannot tell how an attempt ended."""


def main(descriptor: int, lifeline: int) -> None:
    """Run what comes over the socket `descriptor`, until the pipe `lifeline` breaks."""
    _end_with(lifeline)
    for each in (signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN, which programs that a handler starts would inherit: the engine decides.
        signal.signal(each, _ignore)
    faulthandler.enable()
    line = Line(descriptor)
    first = line.hear()
    if first is not None:
        setting, origin = Setting(**first["setting"]), Origin(*first["origin"])
        logging.basicConfig(
            level=setting.log_level, handlers=[LogToEngine(line, setting.longest_message)]
        )
        asyncio.run(_Child(line, setting, origin, first["private"]).serve())
    sys.stdout.flush()
    # Without waiting for threads that a handler left behind.
    os._exit(0)


class _Child:
    """Runs one attempt after the other on the loop of the main thread; another thread listens."""

    def __init__(
        self, line: Line, setting: Setting, origin: Origin, private: Mapping[str, str]
    ) -> None:
        self._private = private
        self._line = line
        self._setting = setting
        self._origin = origin
        self._handlers: dict[str, Handler] | None = None
        self._client = OutboundClient(AllowList.read(setting.allow))
        self._closing = asyncio.Event()
        self._context: ChildContext | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Work until the engine has no more use for it."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="wf-engine", daemon=True).start()
        await self._closing.wait()
        for handler in (self._handlers or {}).values():
            with suppress(Exception):
                await handler.close()
        await self._client.close()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while (message := self._line.hear()) is not None:
            kind = message.pop("kind")
            if kind == "run":
                serial = message.pop("serial")
                loop.call_soon_threadsafe(self._start, Order(**message), serial)
            elif kind == "cancel":
                self._cancel(loop)
            elif kind == "answer" and self._context is not None:
                self._context.answer(message)
            elif kind == "close":
                loop.call_soon_threadsafe(self._closing.set)
        # The engine is gone. With us goes whatever a handler has started in our group.
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    def _cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        # At once: the loop may be blocked by a handler that looks at it.
        if self._context is not None:
            self._context.stopped = True
        loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            # After its first step: one that never began could not tell how it ended.
            asyncio.get_running_loop().call_soon(self._task.cancel)

    def _start(self, order: Order, serial: int) -> None:
        http: HttpClient = self._client
        if order.bounds:
            bounds = {name: AllowList.read(hosts) for name, hosts in order.bounds.items()}
            http = BoundClient(self._client, bounds)
        settings, longest = self._setting.settings, self._setting.longest_message
        context = ChildContext(order, serial, self._line, http, settings, longest)
        self._context = context
        self._task = asyncio.get_running_loop().create_task(self._attempt(order, context, serial))

    async def _attempt(self, order: Order, context: ChildContext, serial: int) -> None:
        try:
            ending = self._told(order.handler, await self._output(order, context), serial)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is told
            ending = _ending_of(error, serial)
        self._context = self._task = None
        try:
            self._line.send(ending)
        except BaseException:  # noqa: BLE001 - one that is not heard would be waited for in vain
            os._exit(_UNHEARD)

    async def _output(self, order: Order, context: ChildContext) -> dict[str, Any]:
        handler = self._handler(order.handler)
        config = context.config = config_of(handler, order.config)
        if iscoroutinefunction(handler.run):
            return output_object(handler, await handler.run(config, context))
        return await _in_thread(lambda: output_object(handler, handler.run(config, context)))

    def _handler(self, name: str) -> Handler:
        if self._handlers is None:
            self._handlers = load_handlers(self._origin, self._private)
        if name not in self._handlers:
            raise PluginError(f"{self._origin.place} registers no handler {name!r} in this process")
        return self._handlers[name]

    def _told(self, handler: str, output: dict[str, Any], serial: int) -> bytes:
        message: Message = {"kind": "output", "serial": serial, "output": output}
        try:
            return packed(message, self._setting.longest_message)
        except FrameTooLong as error:
            most = self._setting.max_output_bytes
            text = f"the output has more bytes than APP_MAX_OUTPUT_BYTES ({most})"
            raise NodeError("OutputTooLarge", text) from error
        except (TypeError, ValueError, RecursionError) as error:
            text = f"handler {handler!r} returned what is not JSON: {error}"
            raise NodeError("InvalidOutput", text) from error


def _ending_of(error: BaseException, serial: int) -> bytes:
    """Return the frame about what a handler raised, and end the process where there is none."""
    try:
        return packed({"serial": serial, **told(error)})
    except BaseException as broken:  # noqa: BLE001 - what a plugin raises may be broken itself
        try:
            return packed({"serial": serial, **untold(error, broken)})
        except BaseException:  # noqa: BLE001 - the end of the process ends the attempt at least
            os._exit(_UNHEARD)


async def _in_thread(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call it in a thread and wait for its end, cancelled or not: it cannot be stopped."""

    def outcome() -> tuple[dict[str, Any], BaseException | None]:
        # Handed over by hand: no future takes a StopIteration.
        try:
            return call(), None
        except BaseException as error:  # noqa: BLE001 - raised again below
            return {}, error

    done = asyncio.get_running_loop().run_in_executor(None, outcome)
    while not done.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({done})
    output, error = done.result()
    if error is not None:
        raise error
    return output


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""


def _end_with(lifeline: int) -> None:
    """End with the engine, and with us all that a handler started in our process group.

    On Linux the kernel sees to that, also while a handler lets no other thread of ours run.
    """
    os.set_inheritable(lifeline, False)
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)
