"""Threads for synchronous handlers, one for each attempt that needs one.

A thread cannot be stopped from outside. One whose attempt timed out or was cancelled is abandoned:
it is counted, nobody waits for it, and the next attempt gets another. A pool of fixed size would
starve here: as many hung handlers as it has threads, and nothing runs any more.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from wfcore.engine.counters import Counters
from wfcore.errors import EngineNotOpen

__all__ = ["Threads"]

T = TypeVar("T")
_IDLE_SECONDS: Final = 10.0


class _Call(NamedTuple):
    function: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    context: contextvars.Context


class _Thread(threading.Thread):
    """A daemon, so that a hung handler does not keep the process from ending."""

    def __init__(self, number: int, idle: "_Idle") -> None:
        super().__init__(name=f"wf-handler-{number}", daemon=True)
        self.calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._idle = idle

    def run(self) -> None:
        while True:
            try:
                call = self.calls.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._idle.remove(self):
                    return
                continue
            if call is None or not self._answer(call):
                return

    def _answer(self, call: _Call) -> bool:
        """Do what was asked; return whether to wait for more."""
        result: Any = None
        failure: BaseException | None = None
        try:
            result = call.context.run(call.function)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            failure = error
        stays = self._idle.add(self)
        # Where the loop is closed, nobody waits any more.
        with contextlib.suppress(RuntimeError):
            call.loop.call_soon_threadsafe(_deliver, call.answer, result, failure)
        return stays


class _Idle:
    """The threads that wait for a call: they come and go by themselves, the loop takes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[_Thread] = []
        self._closed = False

    def take(self) -> _Thread | None:
        """Return a thread that is sure to take a call; raises `EngineNotOpen` once closed."""
        with self._lock:
            if self._closed:
                raise EngineNotOpen("the engine is closed: its threads take no more calls")
            return self._threads.pop() if self._threads else None

    def add(self, thread: _Thread) -> bool:
        """Let a thread wait here; False where it is to end instead."""
        with self._lock:
            if not self._closed:
                self._threads.append(thread)
            return not self._closed

    def remove(self, thread: _Thread) -> bool:
        """Let a thread go, unless a call is just on its way to it."""
        with self._lock:
            if thread not in self._threads:
                return False
            self._threads.remove(thread)
            return True

    def close(self) -> None:
        """Let those that wait end, and take no more."""
        with self._lock:
            self._closed = True
            while self._threads:
                self._threads.pop().calls.put(None)


class Threads:
    """Runs functions in daemon threads, and counts those that nobody waits for any more."""

    def __init__(self, counters: Counters) -> None:
        self._idle = _Idle()
        self._started = 0
        self.awaited = 0
        """Calls whose answer somebody waits for."""
        self._counters = counters

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread; cancelling leaves the thread behind.

        Raises `EngineNotOpen` once closed.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        call = _Call(function, answer, loop, contextvars.copy_context())
        self._thread().calls.put(call)
        self.awaited += 1
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled():
                self._counters.abandoned += 1
            raise
        finally:
            self.awaited -= 1

    async def run_unless(self, light: bool, function: Callable[[], T]) -> T:
        """Run a function at once where it is light, and in a thread where it is not."""
        return function() if light else await self.run(function)

    def close(self) -> None:
        """Let the threads end: idle ones at once, others with their call or with the process."""
        self._idle.close()

    def _thread(self) -> _Thread:
        thread = self._idle.take()
        if thread is None:
            self._started += 1
            thread = _Thread(self._started, self._idle)
            thread.start()
        return thread


def _deliver(answer: "asyncio.Future[Any]", result: object, failure: BaseException | None) -> None:
    if answer.done():
        return
    if failure is None:
        answer.set_result(result)
    elif isinstance(failure, StopIteration | GeneratorExit | KeyboardInterrupt):
        # They would end the coroutine that awaits them without a word, or the whole loop.
        answer.set_exception(RuntimeError(repr(failure)))
    else:
        answer.set_exception(failure)
