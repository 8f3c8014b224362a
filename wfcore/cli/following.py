"""Following an execution to its end: its events to a view, and a signal to its cancellation."""

import asyncio
import time
from contextlib import suppress
from typing import Final, Protocol

from wfcore.cli.progress import NodeProgress, Progress
from wfcore.cli.signals import Interrupts
from wfcore.engine.engine import Engine
from wfcore.engine.views import Result
from wfcore.store.contract import Event

__all__ = ["View", "follow"]

_BREATH_SECONDS: Final = 0.1
"""Between two looks at the events, once there are no old ones: reading them costs the engine."""
_FRAME_SECONDS: Final = 0.1


class View(Protocol):
    """Shows an execution while it runs."""

    def begin(self) -> None:
        """Begin to show."""

    def show(self, event: Event, node: NodeProgress | None) -> None:
        """Take note of an event that `Progress` has taken in, and of the node it is about."""

    def tick(self) -> None:
        """Bring the picture up to date; called ten times a second."""

    def say(self, text: str) -> None:
        """Write one line about the whole."""

    def end(self) -> None:
        """Show how it ended, and stop."""


async def follow(
    engine: Engine, execution: str, progress: Progress, view: View, interrupts: Interrupts
) -> Result:
    """Show an execution until it ends; the first signal cancels it."""
    ended = asyncio.Event()
    reading = asyncio.create_task(_read(engine, execution, progress, view, ended))
    beside = [
        asyncio.create_task(_tick(view)),
        asyncio.create_task(_cancel_when_told(engine, execution, view, interrupts)),
    ]
    try:
        result = await engine.wait(execution)
        ended.set()
        await reading
    finally:
        for task in (reading, *beside):
            task.cancel()
        await asyncio.gather(reading, *beside, return_exceptions=True)
    return result


async def _tick(view: View) -> None:
    while True:
        view.tick()
        await asyncio.sleep(_FRAME_SECONDS)


async def _read(
    engine: Engine, execution: str, progress: Progress, view: View, ended: asyncio.Event
) -> None:
    async for event in engine.events(execution):
        view.show(event, progress.take(event))
        if time.time() - event.at / 1000 < _BREATH_SECONDS:
            await _breathe(ended)


async def _breathe(ended: asyncio.Event) -> None:
    # Not wait_for: on Python 3.11 it loses a cancellation that meets the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(_BREATH_SECONDS):
            await ended.wait()


async def _cancel_when_told(
    engine: Engine, execution: str, view: View, interrupts: Interrupts
) -> None:
    await interrupts.first.wait()
    view.say("cancelling; once more to stop at once")
    await engine.cancel(execution)
