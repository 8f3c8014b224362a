"""SIGINT and SIGTERM: the first asks for a clean end, the second ends the process at once."""

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

__all__ = ["Interrupts"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Listens inside a `with`, in an event loop; `on_second` runs before the process ends."""

    def __init__(self, on_second: Callable[[], None]) -> None:
        self.first = asyncio.Event()
        self.signal: signal.Signals | None = None
        self._on_second = on_second

    @property
    def exit_code(self) -> int:
        """Return 128 and the signal's number, as shells do; Ctrl-C where there was none."""
        return 128 + (self.signal or signal.SIGINT)

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._take, number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _take(self, number: signal.Signals) -> None:
        if self.signal is not None:
            self._on_second()
            # Not sys.exit: threads and open attempts would be waited for.
            os._exit(128 + number)
        self.signal = number
        self.first.set()
