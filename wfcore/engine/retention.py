"""Deleting executions: those that are told to go, and those that ended long ago.

In small steps, so that nobody waits for it. Executions that were never triggered go as well.
"""

import asyncio
import logging
from typing import Final

from wfcore.engine.patience import PATIENCE
from wfcore.engine.runtime import Runtime
from wfcore.errors import Conflict, ExecutionNotFound, StoreError
from wfcore.problems import Problem
from wfcore.store.contract import Deletion, Past

__all__ = ["Retention"]

_log = logging.getLogger(__name__)
_ROWS: Final = 500
_AT_ONCE: Final = 100
_PAUSE_SECONDS: Final = 0.005
_LONGEST_WAIT: Final = 60.0
_NOT_BY_AGE: Final = 2**53
"""An age in milliseconds that nothing has reached: only what is half deleted is as old."""

_OPEN: Final = Problem(
    "delete.open", "", "the execution has not ended yet", "cancel it first, or wait for its end"
)
_IN_USE: Final = Problem(
    "delete.in_use", "", "a retry that has not ended reuses its outputs", "wait for its end"
)


class Retention:
    """Deletes executions of one store, at whatever age `seconds` says; None: not by age."""

    def __init__(self, runtime: Runtime, seconds: float | None) -> None:
        self._runtime = runtime
        self._age_ms = _NOT_BY_AGE if seconds is None else round(seconds * 1000)
        self._wait = (
            _LONGEST_WAIT if seconds is None else min(max(seconds / 10, 0.1), _LONGEST_WAIT)
        )

    async def run(self) -> None:
        """Sweep every now and then, until cancelled."""
        while True:
            try:
                await self.sweep(self._age_ms)
            except StoreError as error:
                _log.warning("old executions could not be deleted: %s", error)
            await asyncio.sleep(self._wait)

    async def sweep(self, age_ms: int = _NOT_BY_AGE) -> None:
        """Delete what is so old, and finish what is half deleted."""
        store = self._runtime.store
        kept: set[Past] = set()
        while True:
            listed = await store.past(age_ms, _AT_ONCE + len(kept))
            left = [past for past in listed if past not in kept]
            if not left:
                return
            for past in left:
                if self._has_to_wait():
                    return
                deletion = await self._delete(*past)
                if deletion in (Deletion.OPEN, Deletion.IN_USE):
                    kept.add(past)
                else:
                    self._runtime.forget(past.execution)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def delete(self, execution: str) -> None:
        """Delete an execution that has ended; raises `ExecutionNotFound` and `Conflict`."""
        runtime = self._runtime
        store = runtime.store
        record = await runtime.insist(lambda: store.read(execution), PATIENCE)
        if record is None:
            raise ExecutionNotFound(execution)
        if not record.status.terminal:
            raise Conflict(_OPEN)
        deletion = await runtime.insist(lambda: self._delete(execution, record.number), PATIENCE)
        if deletion is Deletion.IN_USE:
            raise Conflict(_IN_USE)
        runtime.forget(execution)
        if deletion is Deletion.MORE:
            await self.sweep()

    async def _delete(self, execution: str, number: int) -> Deletion:
        """Delete some rows of an execution, after its events were read for those they are told."""
        if self._runtime.changes is not None:
            await self._runtime.changes.keep(execution)
        return await self._runtime.store.delete(execution, _ROWS, number)

    def _has_to_wait(self) -> bool:
        """Whether too many events of what was deleted wait in memory to be told."""
        return self._runtime.changes is not None and self._runtime.changes.is_full
