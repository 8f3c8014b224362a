"""An event loop whose time is its own: where everything waits for a timer, the timer is due."""

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, Final, TypeVar
from weakref import WeakSet

__all__ = ["VirtualLoop"]

T = TypeVar("T")

_IDLE_FILES: Final = 1
"""What a loop watches at all times: the pipe through which threads wake it."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never waits for a timer, unless something outside of it may come first.

    `time()` begins at 0. Where nothing is ready it moves to the next timer at once: sleeps and
    timeouts take no time, and end in the order of their times. It does not move ahead while
    something real is under way: a call in a thread (`run_in_executor`, `asyncio.to_thread`, or one
    that a function given to `count_calls` counts), a child process that the loop started, or a
    socket or pipe that it watches. Then time passes here as fast as outside.

    Threads of another kind are not seen: what they do takes no time here.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._in_executors = 0
        self._counts: list[Callable[[], int]] = []
        self._children: WeakSet[asyncio.SubprocessTransport] = WeakSet()
        super().__init__(_JumpingSelector(self))
        # What asyncio adds to the time before it asks which timers are due. Its nanosecond is lost
        # in a float of more than half a year, and no timer would ever be due.
        self._clock_resolution = 1e-6

    @classmethod
    def running(cls) -> "VirtualLoop":
        """Return the loop that runs here, which has to be one of these."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, cls):
            raise RuntimeError(  # noqa: TRY004 - not of an argument
                f"{loop!r} runs here, and its time is the real one"
            )
        return loop

    def time(self) -> float:
        """Return the seconds since this loop was made, as they pass in it."""
        return self._now

    def count_calls(self, count: Callable[[], int]) -> None:
        """Ask this function too, whenever time could move, how many calls threads work on."""
        self._counts.append(count)

    def pass_time(self, seconds: float) -> None:
        """Move the time on; for the selector alone."""
        self._now += seconds

    @property
    def awaits_others(self) -> bool:
        """Whether a call in a thread is awaited, or a child process runs."""
        return (
            self._in_executors > 0
            or any(count() for count in self._counts)
            or any(child.get_returncode() is None for child in self._children)
        )

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Do as every loop does, and take note of the child."""
        child, protocol = await super().subprocess_exec(*args, **options)
        self._children.add(child)
        return child, protocol

    async def subprocess_shell(self, *args: Any, **options: Any) -> Any:
        """Do as every loop does, and take note of the child."""
        child, protocol = await super().subprocess_shell(*args, **options)
        self._children.add(child)
        return child, protocol

    def run_in_executor(  # type: ignore[override] # typeshed has it return what only awaits
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Do as every loop does, and take note until the answer is there."""
        answer = super().run_in_executor(executor, func, *args)
        self._in_executors += 1
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, _: "asyncio.Future[Any]") -> None:
        self._in_executors -= 1


class _JumpingSelector(selectors.BaseSelector):
    """Asks the real selector, and where that has nothing, lets the loop's time move instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._real.select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        if timeout is not None and not self._is_real_work_under_way():
            self._loop.pass_time(timeout)
            return []
        began = time.monotonic()
        found = self._real.select(timeout)
        passed = time.monotonic() - began
        # A real wait may end a little early or late; a timer that it waited for is due exactly.
        self._loop.pass_time(passed if found or timeout is None else timeout)
        return found

    def _is_real_work_under_way(self) -> bool:
        return self._loop.awaits_others or len(self._real.get_map()) > _IDLE_FILES

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
