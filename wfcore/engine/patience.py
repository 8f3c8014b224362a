"""Asking a store that may be away: again and again, since every command may be applied twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from wfcore.engine.counters import Counters
from wfcore.errors import CommandRefused, StoreError

__all__ = ["PATIENCE", "insist"]

T = TypeVar("T")
PATIENCE: Final = 5.0
"""Seconds for which someone who waits for an answer is kept waiting."""

_FIRST_DELAY: Final = 0.02
_LONGEST_DELAY: Final = 1.0


async def insist(
    command: Callable[[], Awaitable[T]], counters: Counters, patience: float | None = None
) -> T:
    """Repeat an idempotent command until the store answers, or `patience` seconds are over.

    Raises the last `StoreError` then; without `patience`, never. A `CommandRefused` is raised at
    once: to repeat it is of no use.
    """
    try:
        return await command()
    except CommandRefused:
        raise
    except StoreError:
        counters.store_errors += 1
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience if patience is not None else None
    delay = _FIRST_DELAY
    while True:
        await asyncio.sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)
        try:
            return await command()
        except CommandRefused:
            raise
        except StoreError:
            counters.store_errors += 1
            if give_up is not None and loop.time() + delay > give_up:
                raise
