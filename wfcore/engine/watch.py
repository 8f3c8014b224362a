"""Waiting for something to happen to an execution, in this process or in another one."""

import asyncio
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

__all__ = ["POLL_SECONDS", "Message", "Watch", "Watchers"]

POLL_SECONDS: Final = 1.0
"""How late a watcher may learn of what another process did."""

_MOST_MESSAGES: Final = 1_000
_MOST_ENDED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """What a running handler told its watchers; never stored, and gone where nobody listened."""

    key: str
    attempt: int
    kind: str
    data: Any


class Ear(Protocol):
    """Who hears of what other processes did, and tells."""

    def follow(self, execution: str, *, ends_only: bool) -> None:
        """Hear of an execution's end, or of all its changes."""

    def unfollow(self, execution: str, *, ends_only: bool) -> None:
        """Hear no more of it."""


class Watchers:
    """Wakes those who wait for an execution to change. Hearing of it is a hint: they read again."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Watch]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        """Executions that ended not long ago: who begins to watch one looks at once."""
        self._ear: Ear | None = None
        self.poll_seconds = POLL_SECONDS
        """How often to look without a hint: one may be lost on its way from another process."""

    def hear(self, ear: Ear) -> None:
        """Ask what other processes do to the executions that are watched from now on."""
        self._ear = ear

    def notify(self, execution: str, *, ended: bool) -> None:
        """Wake who watches this execution; those who wait for its end only if it `ended`."""
        if ended:
            self._ended[execution] = None
            if len(self._ended) > _MOST_ENDED:
                self._ended.popitem(last=False)
        for watch in self._waiting.get(execution, ()):
            if ended or not watch.ends_only:
                watch.event.set()

    def listening(self, execution: str) -> bool:
        """Whether anybody here waits for this execution; may be called from any thread."""
        return execution in self._waiting

    def tell(self, execution: str, message: Message) -> None:
        """Hand a message to those who listen to this execution."""
        for watch in self._waiting.get(execution, ()):
            if watch.listens:
                watch.heard.append(message)
                watch.event.set()

    def notify_all(self) -> None:
        """Wake everyone: there is nothing more to wait for."""
        for execution in list(self._waiting):
            self.notify(execution, ended=True)

    def watch(self, execution: str, *, ends_only: bool = False, listens: bool = False) -> "Watch":
        """Watch an execution from now on, inside a `with`; one that `listens` hears messages."""
        watch = Watch(self._waiting, self._ear, execution, ends_only=ends_only, listens=listens)
        watch.poll_seconds = self.poll_seconds
        if execution in self._ended:
            watch.event.set()
        return watch


class Watch:
    """One watcher of one execution."""

    def __init__(
        self,
        waiting: dict[str, set["Watch"]],
        ear: Ear | None,
        execution: str,
        *,
        ends_only: bool,
        listens: bool,
    ) -> None:
        self._waiting = waiting
        self._ear = ear
        self._execution = execution
        self.ends_only = ends_only
        self.listens = listens
        self.poll_seconds = POLL_SECONDS
        self.event = asyncio.Event()
        self.heard: deque[Message] = deque(maxlen=_MOST_MESSAGES)
        """Since the last `take`; the newest, where that was long ago."""

    def __enter__(self) -> Self:
        self._waiting.setdefault(self._execution, set()).add(self)
        if self._ear is not None:
            self._ear.follow(self._execution, ends_only=self.ends_only)
        return self

    def __exit__(self, *_: object) -> None:
        watches = self._waiting[self._execution]
        watches.discard(self)
        if not watches:
            del self._waiting[self._execution]
        if self._ear is not None:
            self._ear.unfollow(self._execution, ends_only=self.ends_only)

    def take(self) -> list[Message]:
        """Return what was heard since the last time."""
        heard = list(self.heard)
        self.heard.clear()
        return heard

    async def changed(self) -> None:
        """Wait for the next change, or for `poll_seconds` at most."""
        # Not wait_for: on Python 3.11 it loses a cancellation that meets the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(self.poll_seconds):
                await self.event.wait()
                self.event.clear()
