"""The event loop of long-lived processes: a quicker one where it is installed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["run_in_loop"]


def run_in_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run a process's work to its end, on uvloop where there is one (not on Windows)."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ModuleNotFoundError:
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)
