"""Time as a store sees it: milliseconds since the epoch, injected so that tests can move it."""

import time
from collections.abc import Callable

__all__ = ["Clock", "wall_clock"]

Clock = Callable[[], int]


def wall_clock() -> int:
    """Return the system's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
