"""Waiting for something to happen to an execution, in this process or in another one."""

import asyncio
from typing import Final, Self

__all__ = ["POLL_SECONDS", "Watch", "Watchers"]

POLL_SECONDS: Final = 1.0
"""How late a watcher may learn of what another process did."""


class Watchers:
    """Wakes those who wait for an execution to change. Hearing of it is a hint: they read again."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Watch]] = {}

    def notify(self, execution: str, *, ended: bool) -> None:
        """Wake who watches this execution; those who wait for its end only if it `ended`."""
        for watch in self._waiting.get(execution, ()):
            if ended or not watch.ends_only:
                watch.event.set()

    def watch(self, execution: str, *, ends_only: bool = False) -> "Watch":
        """Watch an execution from now on, inside a `with`."""
        return Watch(self._waiting, execution, ends_only=ends_only)


class Watch:
    """One watcher of one execution."""

    def __init__(
        self, waiting: dict[str, set["Watch"]], execution: str, *, ends_only: bool
    ) -> None:
        self._waiting = waiting
        self._execution = execution
        self.ends_only = ends_only
        self.event = asyncio.Event()

    def __enter__(self) -> Self:
        self._waiting.setdefault(self._execution, set()).add(self)
        return self

    def __exit__(self, *_: object) -> None:
        watches = self._waiting[self._execution]
        watches.discard(self)
        if not watches:
            del self._waiting[self._execution]

    async def changed(self, seconds: float = POLL_SECONDS) -> None:
        """Wait for the next change, or for some seconds at most."""
        try:
            await asyncio.wait_for(self.event.wait(), seconds)
        except TimeoutError:
            return
        self.event.clear()
