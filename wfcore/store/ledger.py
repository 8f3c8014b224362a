"""The rows of one process's store, in memory: what a transition works on.

`MemoryStore` keeps everything here. `SqliteLedger` keeps what is open here and the rest on disk.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from wfcore.store.contract import (
    NO_CURSOR,
    Deletion,
    Due,
    Event,
    Filter,
    LeaseRef,
    NewExecution,
    NodeResult,
    Past,
)
from wfcore.store.rows import ExecutionRow, NodeRow
from wfcore.workflow.states import NodeState, Status

__all__ = ["Entry", "Ledger"]

_HEAP_FLOOR = 1_000


@dataclass(slots=True)
class Entry:
    """One execution with its rows; `active` are those without which it could end."""

    row: ExecutionRow
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    active: dict[str, NodeRow] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    """Keys whose rows are terminal and no longer held in `nodes`."""
    results: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    written: tuple[Any, ...] = ()
    """What a store on disk last wrote of `row`, of that which cannot be worked out again."""


class Ledger:
    """Executions, nodes, results and events, and a queue of their deadlines."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.documents: dict[str, str] = {}
        self._numbers = 0
        self._deadlines: list[tuple[int, str, str]] = []
        self._heap_limit = _HEAP_FLOOR

    def find(self, execution: str, number: int = 0) -> Entry | None:
        """Return an execution, or None where there is none with this number (0: any)."""
        entry = self._find(execution)
        return entry if entry is None or number in (0, entry.row.number) else None

    def _find(self, execution: str) -> Entry | None:
        return self.entries.get(execution)

    def create(self, new: NewExecution, now: int) -> int:
        """Add an execution; return its number, 0 if its id is known."""
        if self.find(new.id) is not None:
            return 0
        self._numbers += 1
        row = ExecutionRow(
            id=new.id,
            number=self._numbers,
            plan=new.plan,
            name=new.name,
            labels=dict(new.labels),
            input=new.input,
            created=now,
            timeout=new.timeout_ms,
            retry_of=new.retry_of,
        )
        self.documents.setdefault(new.plan, new.document)
        self.entries[new.id] = Entry(row)
        return row.number

    def node(self, entry: Entry, key: str) -> NodeRow | None:
        """Return a node's row, or None where nothing has touched it."""
        return entry.nodes.get(key)

    def add(self, entry: Entry, key: str) -> NodeRow:
        """Return a new row, PENDING, for a node that has none."""
        row = entry.nodes[key] = NodeRow(entry.row.id, key)
        return row

    def save(self, entry: Entry, row: NodeRow) -> None:
        """Take note that a row changed."""
        if row.is_active:
            entry.active[row.key] = row
        else:
            entry.active.pop(row.key, None)
        if row.deadline is not None:
            self._watch(row.deadline, entry.row.id, row.key)

    def save_execution(self, entry: Entry) -> None:
        """Take note that an execution's own row changed."""

    def set_execution_deadline(self, entry: Entry, deadline: int | None) -> None:
        """Make an execution due at a time, or never."""
        entry.row.deadline = deadline
        if deadline is not None:
            self._watch(deadline, entry.row.id, "")

    def put_result(self, entry: Entry, key: str, output: str | None, error: str | None) -> None:
        """Keep what a node left behind."""
        entry.results[key] = (output, error)

    def log(self, entry: Entry, event: Event) -> None:
        """Append to an execution's event log."""
        entry.events.append(event)

    def result(self, entry: Entry, key: str) -> NodeResult | None:
        """Read where a node stands and what it left behind."""
        row = self.node(entry, key)
        if row is None:
            return None
        return NodeResult(row.state, *entry.results.get(key, (None, None)))

    def renew(self, leases: list[LeaseRef], deadline: int) -> list[bool]:
        """Move the deadlines of leases that still hold."""
        return [self._renew(lease, deadline) for lease in leases]

    def _renew(self, lease: LeaseRef, deadline: int) -> bool:
        entry = self.entries.get(lease.execution)
        row = entry.active.get(lease.key) if entry is not None else None
        if entry is None or row is None or row.token != lease.token or entry.row.halt:
            return False
        if row.state is not NodeState.RUNNING:
            return False
        row.deadline = deadline
        self._watch(deadline, lease.execution, lease.key)
        return True

    def due(self, now: int, limit: int) -> tuple[list[Due], int | None]:
        """List what is due, oldest first, and the ms until the next deadline after these."""
        heap = self._deadlines
        listed: list[tuple[int, str, str]] = []
        found: list[Due] = []
        seen: set[tuple[str, str]] = set()
        while heap and len(found) < limit:
            deadline, execution, key = heap[0]
            current = self._deadline_of(execution, key)
            if current != deadline or (execution, key) in seen:
                heapq.heappop(heap)
                continue
            if deadline > now:
                break
            listed.append(heapq.heappop(heap))
            seen.add((execution, key))
            found.append(self._due(execution, key))
        upcoming = max(0, heap[0][0] - now) if heap else None
        for item in listed:
            heapq.heappush(heap, item)
        return found, upcoming

    def active(self, entry: Entry, limit: int) -> list[Due]:
        """List nodes that keep an execution open, those that nobody runs first."""
        rows = entry.active.values()
        unheld = (row for row in rows if not _is_held(row))
        held = (row for row in rows if _is_held(row))
        return [row.due(entry.row) for row in islice(chain(unheld, held), limit)]

    def search(self, wanted: Filter, below: int | None) -> Iterator[ExecutionRow]:
        """Yield the executions that a filter lets through, the newest first."""
        # A retry of a deleted execution with the same id is older.
        retried = {each.row.retry_of: each.row.number for each in self.entries.values()}
        for entry in reversed(self.entries.values()):
            row = entry.row
            if below is not None and row.number >= below:
                continue
            if (
                wanted.retried is not None
                and (retried.get(row.id, 0) > row.number) is not wanted.retried
            ):
                continue
            if _is_wanted(row, wanted):
                yield row

    def delete(self, execution: str, number: int) -> Deletion:
        """Forget an execution that does not run, and its document with the last that has it."""
        entry = self.find(execution, number)
        if entry is None:
            return Deletion.DONE
        refusal = self.refuses_deletion(entry)
        if refusal is not None:
            return refusal
        del self.entries[execution]
        plan = entry.row.plan
        if all(other.row.plan != plan for other in self.entries.values()):
            del self.documents[plan]
        return Deletion.DONE

    def refuses_deletion(self, entry: Entry) -> Deletion | None:
        """Say why an execution may not be deleted, or None."""
        if entry.row.status is Status.RUNNING:
            return Deletion.OPEN
        retries = (each.row for each in self.entries.values() if each.row.retry_of == entry.row.id)
        return Deletion.IN_USE if any(not row.status.terminal for row in retries) else None

    def past(self, before: int, limit: int) -> list[Past]:
        """List what ended, or was created and never began, before a time."""
        rows = (entry.row for entry in self.entries.values())
        left = [row for row in rows if row.status is not Status.RUNNING]
        aged = sorted((row.ended or row.created, row.number, row.id) for row in left)
        old = [Past(identifier, number) for since, number, identifier in aged if since <= before]
        return old[:limit]

    def _due(self, execution: str, key: str) -> Due:
        entry = self.entries[execution]
        return entry.active[key].due(entry.row) if key else entry.row.due()

    def _deadline_of(self, execution: str, key: str) -> int | None:
        entry = self.entries.get(execution)
        if entry is None:
            return None
        if not key:
            return entry.row.deadline
        row = entry.active.get(key)
        return row.deadline if row is not None else None

    def _watch(self, deadline: int, execution: str, key: str) -> None:
        heapq.heappush(self._deadlines, (deadline, execution, key))
        if len(self._deadlines) > self._heap_limit:
            self._forget_passed()

    def _forget_passed(self) -> None:
        """Drop entries that no row stands behind, so that the queue stays in proportion."""
        alive = {item for item in self._deadlines if self._deadline_of(*item[1:]) == item[0]}
        self._deadlines = sorted(alive)
        self._heap_limit = max(_HEAP_FLOOR, 2 * len(alive))


def _is_held(row: NodeRow) -> bool:
    return row.state is NodeState.RUNNING and row.cursor == NO_CURSOR


def _is_wanted(row: ExecutionRow, wanted: Filter) -> bool:
    return (
        (not wanted.statuses or row.status in wanted.statuses)
        and wanted.name in (None, row.name)
        and wanted.retry_of in (None, row.retry_of)
        and (wanted.created_from is None or row.created >= wanted.created_from)
        and (wanted.created_before is None or row.created < wanted.created_before)
        and wanted.labels.items() <= row.labels.items()
    )
