"""The attempts whose leases are held here: to be renewed, looked at, interrupted, given back."""

import asyncio
from contextlib import suppress

from wfcore.engine.attempt import Attempt
from wfcore.engine.context import AttemptContext
from wfcore.engine.decide import Outcome
from wfcore.store.contract import LeaseRef

__all__ = ["HeldAttempts"]


class HeldAttempts:
    """By execution and node: of one that lost its lease, another attempt may have the place."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str], Attempt] = {}
        self._emptied = asyncio.Event()

    def add(self, attempt: Attempt) -> None:
        """Hold an attempt: from here on its lease is renewed."""
        self._attempts[_place(attempt)] = attempt

    def remove(self, attempt: Attempt) -> None:
        """Hold an attempt no longer."""
        if self._attempts.get(_place(attempt)) is attempt:
            del self._attempts[_place(attempt)]
            if not self._attempts:
                self._emptied.set()

    def leases(self) -> list[LeaseRef]:
        """Name every lease that is held; may be called from any thread."""
        return [LeaseRef(*attempt.lease[:3]) for attempt in list(self._attempts.values())]

    def has(self, execution: str, key: str, token: int) -> bool:
        """Whether this very lease is being worked on here."""
        attempt = self._attempts.get((execution, key))
        return attempt is not None and attempt.lease.token == token

    def context(self, execution: str, number: int, key: str) -> AttemptContext | None:
        """Return what a running handler says, if the node runs here and its handler was called."""
        attempt = self._attempts.get((execution, key))
        return attempt.context if attempt is not None and attempt.lease.number == number else None

    def progress(self, execution: str) -> dict[str, tuple[float | None, str]]:
        """Return what the running handlers of an execution said about how far they are."""
        return {
            key: attempt.context.progress_made
            for (owner, key), attempt in self._attempts.items()
            if owner == execution
            and attempt.context is not None
            and attempt.context.progress_made is not None
        }

    def interrupt(self, execution: str, number: int, outcome: Outcome) -> None:
        """End the attempts of one execution."""
        for (owner, _), attempt in list(self._attempts.items()):
            if owner == execution and attempt.lease.number == number:
                attempt.interrupt(outcome)

    async def interrupt_all(self, outcome: Outcome, seconds: float) -> None:
        """End all attempts, and wait so long until none is left."""
        for attempt in list(self._attempts.values()):
            attempt.interrupt(outcome)
        if self._attempts:
            self._emptied.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._emptied.wait()


def _place(attempt: Attempt) -> tuple[str, str]:
    return attempt.lease.execution, attempt.lease.key
