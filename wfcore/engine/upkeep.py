"""Keeping background work alive and its failures heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["keep_running", "tell_failure"]

_log = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 1.0


async def keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run a loop that should never end; start it again should it fail, and say so.

    Liveness hangs on these loops: one that died silently would leave executions standing still.
    """
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - told whole, and tried again
            _log.exception("the %s failed; it goes on in %g s", name, _PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)


def tell_failure(task: "asyncio.Task[None]") -> None:
    """Log the exception that ended a background task, if one did."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("background work failed: %s", error, exc_info=error)
