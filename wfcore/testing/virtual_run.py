"""A coroutine run to its end in virtual time, whatever it leaves behind."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from wfcore.testing.virtual_loop import VirtualLoop

__all__ = ["in_virtual_time"]

T = TypeVar("T")

_GRACE_SECONDS: Final = 60.0
"""How long, in virtual time, tasks that were left behind may take to end."""


def in_virtual_time(session: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Call a coroutine function on a new `VirtualLoop`, and return what it gave."""

    async def whole() -> T:
        try:
            return await session()
        finally:
            await _end_the_rest()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


async def _end_the_rest() -> None:
    """End every other task, also one that does not let itself be cancelled.

    An engine abandons such a handler; `asyncio.Runner` would wait for it for ever.
    """
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if not left:
        return
    for task in left:
        task.cancel()
    ended, left = await asyncio.wait(left, timeout=_GRACE_SECONDS)
    for task in left:
        with suppress(RuntimeError):
            task.get_coro().close()
        task.cancel()
    if left:
        more, _ = await asyncio.wait(left, timeout=_GRACE_SECONDS)
        ended |= more
    for task in ended:
        # Asked for, so that nobody is told later that it was never looked at.
        if not task.cancelled():
            task.exception()
