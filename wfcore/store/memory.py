"""The store that lives and dies with its process: for tests and throw-away executions."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import islice

from wfcore.errors import CommandRefused
from wfcore.store import transition
from wfcore.store.clock import Clock, wall_clock
from wfcore.store.contract import (
    Deletion,
    Due,
    Event,
    ExecutionRecord,
    Filter,
    Halt,
    LeaseRef,
    Move,
    NewExecution,
    NodeRecord,
    NodeResults,
    Page,
    Past,
    Reply,
)
from wfcore.store.cursor import read_cursor
from wfcore.store.ledger import Ledger

__all__ = ["MemoryStore"]


class MemoryStore:
    """A `StateStore` in memory. Renewals come from another thread, hence the lock."""

    durability = "memory"
    name = "memory"

    def __init__(self, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self._ledger = Ledger()
        self._lock = threading.Lock()

    async def open(self) -> None:
        """Do nothing: memory is there."""

    async def close(self) -> None:
        """Do nothing: memory goes with the process."""

    async def create(self, new: NewExecution) -> int:
        """Store a PENDING execution."""
        with self._lock:
            return self._ledger.create(new, self._clock())

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves in order."""
        # A chain of short nodes must not keep the loop from everyone else.
        await asyncio.sleep(0)
        with self._lock:
            now = self._clock()
            try:
                return [transition.apply(self._ledger, move, now) for move in moves]
            except Exception as error:
                # A Move that no store could take; the same class as of a store on disk.
                raise CommandRefused(error) from error

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        """Renew leases that still hold."""
        with self._lock:
            return self._ledger.renew(list(leases), self._clock() + lease_ms)

    async def halt(
        self, execution: str, halt: Halt, sweep_ms: int | None = 0, number: int = 0
    ) -> Reply:
        """Let no further node open."""
        with self._lock:
            return transition.halt(self._ledger, execution, number, halt, sweep_ms, self._clock())

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        """List what is due."""
        with self._lock:
            return self._ledger.due(self._clock(), limit)

    async def active(self, execution: str, limit: int) -> list[Due]:
        """List what keeps an execution open."""
        with self._lock:
            entry = self._ledger.find(execution)
            return self._ledger.active(entry, limit) if entry is not None else []

    async def results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        """Read where nodes stand and what they left behind."""
        with self._lock:
            entry = self._ledger.find(execution)
            if entry is None:
                return NodeResults(0, {})
            found = {key: self._ledger.result(entry, key) for key in keys}
        nodes = {key: result for key, result in found.items() if result is not None}
        return NodeResults(entry.row.number, nodes)

    async def read(self, execution: str) -> ExecutionRecord | None:
        """Read an execution."""
        with self._lock:
            entry = self._ledger.find(execution)
            return entry.row.record() if entry is not None else None

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        """Page through the touched nodes."""
        with self._lock:
            entry = self._ledger.find(execution)
            if entry is None:
                return []
            keys = sorted(key for key in entry.nodes if key > after)[:limit]
            return [entry.nodes[key].record() for key in keys]

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        """Page through the event log; `seq` counts from 1, so it is also the index."""
        with self._lock:
            entry = self._ledger.find(execution)
            begin = max(after, 0)
            return entry.events[begin : begin + limit] if entry is not None else []

    async def history(self, execution: str, key: str, limit: int) -> list[Event]:
        """List the newest events of one node."""
        with self._lock:
            entry = self._ledger.find(execution)
            events = entry.events if entry is not None else []
            return [event for event in events if event.key == key][-limit:]

    async def document(self, plan: str) -> str | None:
        """Read a document."""
        with self._lock:
            return self._ledger.documents.get(plan)

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Page through executions."""
        below = read_cursor(after)
        with self._lock:
            found = list(islice(self._ledger.search(wanted, below), limit + 1))
            records = [row.record() for row in found[:limit]]
        return Page(records, str(found[limit - 1].number) if len(found) > limit else "")

    async def delete(
        self,
        execution: str,
        limit: int,  # noqa: ARG002 - all at once
        number: int = 0,
    ) -> Deletion:
        """Delete an execution that does not run."""
        with self._lock:
            return self._ledger.delete(execution, number)

    async def past(self, age_ms: int, limit: int) -> list[Past]:
        """List what ended, or was created and never began, long ago."""
        with self._lock:
            return self._ledger.past(self._clock() - age_ms, limit)
