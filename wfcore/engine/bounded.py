"""Code of others within a time: whatever it raises, it fails alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["within"]

_left_behind: set["asyncio.Task[Any]"] = set()
"""The event loop itself holds on to no task."""


async def within(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do a plugin's work; raises an `Exception`, whatever the work raises, and so for no answer.

    Work that does not end in time, cancelled or not, is left behind.
    """
    task = asyncio.get_running_loop().create_task(_failure(work))
    _left_behind.add(task)
    task.add_done_callback(_left_behind.discard)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if not task.done():
        raise TimeoutError(f"no answer in {seconds:g} s")
    if task.cancelled():
        raise RuntimeError("it cancelled itself")
    failure = task.result()
    if failure is not None:
        raise failure


async def _failure(work: Callable[[], Awaitable[object]]) -> Exception | None:
    """Do the work; return what it raised, in a form that ends neither a loop nor a process."""
    try:
        await work()
    except KeyboardInterrupt:
        # It is the operator's.
        raise
    except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything
        return error
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        failure = RuntimeError(f"it raised {error!r}")
        failure.__cause__ = error
        return failure
    return None
