"""Threads for synchronous handlers, one for each attempt that needs one.

A thread cannot be stopped from outside. One whose attempt timed out or was cancelled is abandoned:
it is counted, nobody waits for it, and the next attempt gets another. A pool of fixed size would
starve here: as many hung handlers as it has threads, and nothing runs any more.
"""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from wfcore.engine.counters import Counters

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

    def __init__(self, number: int, idle: "list[_Thread]", closed: threading.Event) -> None:
        super().__init__(name=f"wf-handler-{number}", daemon=True)
        self.calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._idle = idle
        self._closed = closed

    def run(self) -> None:
        while True:
            try:
                call = self.calls.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._retire():
                    return
                continue
            if call is None:
                return
            self._answer(call)
            if self._closed.is_set():
                return

    def _retire(self) -> bool:
        """Leave, unless a call is just on its way here."""
        try:
            self._idle.remove(self)
        except ValueError:
            return False
        return True

    def _answer(self, call: _Call) -> None:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = call.context.run(call.function)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            failure = error
        self._idle.append(self)
        try:
            call.loop.call_soon_threadsafe(_deliver, call.answer, result, failure)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return


class Threads:
    """Runs functions in daemon threads, and counts those that nobody waits for any more."""

    def __init__(self, counters: Counters) -> None:
        self._idle: list[_Thread] = []
        self._closed = threading.Event()
        self._started = 0
        self._counters = counters

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread; cancelling leaves the thread behind."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        call = _Call(function, answer, loop, contextvars.copy_context())
        self._thread().calls.put(call)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled():
                self._counters.abandoned += 1
            raise

    def close(self) -> None:
        """Let the threads end: idle ones at once, others with their call or with the process."""
        self._closed.set()
        while self._idle:
            self._idle.pop().calls.put(None)

    def _thread(self) -> _Thread:
        try:
            return self._idle.pop()
        except IndexError:
            self._started += 1
            thread = _Thread(self._started, self._idle, self._closed)
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
