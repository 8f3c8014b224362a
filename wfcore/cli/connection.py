"""Staying with an execution on a server that may be gone for a while."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from wfcore.cli.client import Client, SentEvent, Unreachable

__all__ = ["lasting_events", "wait_for_end"]

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 10.0
_WAIT_SECONDS: Final = 30.0
_OPEN: Final = ("PENDING", "RUNNING", "PAUSED")

Teller = Callable[[str], None]
"""Is told when the connection is lost, and that it is back."""


class _Pauses:
    """Longer and longer pauses, until something answers again."""

    def __init__(self, tell: Teller) -> None:
        self._tell = tell
        self._pause = 0.0

    def answered(self) -> None:
        if self._pause > _FIRST_PAUSE:
            self._tell("connected again")
        self._pause = 0.0

    def lost(self, give_up_at: float | None = None) -> None:
        """Wait before the next try; the first one says nothing, a restart takes no longer."""
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        if self._pause > _FIRST_PAUSE:
            self._tell(f"the server does not answer; again in {self._pause:g} s")
        left = self._pause if give_up_at is None else give_up_at - time.monotonic()
        time.sleep(max(0.0, min(self._pause, left)))


def lasting_events(client: Client, execution: str, tell: Teller) -> Iterator[SentEvent]:
    """Yield an execution's events to its end, over as many connections as it takes.

    No event is missed and none comes twice. A server that does not answer at first is an error.
    """
    pauses = _Pauses(tell)
    last, known = "", False
    while True:
        try:
            for event in client.events(execution, last):
                pauses.answered()
                known = True
                if event.id and last and int(event.id) <= int(last):
                    continue
                last = event.id or last
                yield event
                if event.name == "end":
                    return
        except Unreachable:
            if not known:
                raise
        pauses.lost()


def wait_for_end(client: Client, execution: str, timeout: float | None, tell: Teller) -> Any:
    """Return an execution's results when it has ended, or as it stands when time is up."""
    give_up_at = None if timeout is None else time.monotonic() + timeout
    pauses = _Pauses(tell)
    results: Any = None
    while True:
        left = _WAIT_SECONDS if give_up_at is None else give_up_at - time.monotonic()
        wait = 0 if results is None else min(max(left, 0), _WAIT_SECONDS)
        try:
            results = client.results(execution, wait)
        except Unreachable:
            if results is None or left <= 0:
                raise
            pauses.lost(give_up_at)
            continue
        pauses.answered()
        if results["status"] not in _OPEN or left <= 0:
            return results
