"""A ledger whose rows are on disk: what is open is held in memory, every change is written.

One process owns the file, so the rows in memory are the truth and the hot path reads nothing from
disk. That also means that leases need no write when renewed: a restart makes all of them due.
"""

import json
import sqlite3
from itertools import islice
from typing import Any, Final

from pydantic_core import to_json

from wfcore.store.contract import Deletion, Event, Halt, NewExecution
from wfcore.store.ledger import Entry, Ledger
from wfcore.store.rows import ExecutionRow, NodeRow
from wfcore.store.sqlite_removal import fits_in_one_step, hide, remove
from wfcore.workflow.states import NodeState, Status

__all__ = ["SqliteLedger", "decode_event", "execution_row"]

_IDLE_ENTRIES: Final = 1_000
_PUT_NODE: Final = f"INSERT OR REPLACE INTO node VALUES ({', '.join('?' * 17)})"
_ADD_EXECUTION: Final = f"INSERT INTO execution VALUES ({', '.join('?' * 19)})"
_SET_EXECUTION: Final = (
    "UPDATE execution SET status = ?, halt = ?, active = ?, failures = ?, seq = ?, notices = ?, "
    "started = ?, ended = ?, deadline = ?, meters = ? WHERE number = ?"
)
_OPEN_RETRY: Final = (
    "SELECT 1 FROM execution WHERE retry_of = ? AND status IN ('PENDING', 'RUNNING') LIMIT 1"
)
_NODE_COLUMNS: Final = (
    "key, state, token, attempt, failures, lost, ok, failed, skipped, cursor, deadline, started, "
    "ended, queue, handler, leased"
)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class SqliteLedger(Ledger):
    """Open executions in memory, everything on disk after `flush`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._db = connection
        self._complete: set[str] = set()
        self._idle: dict[str, None] = {}
        self._new_documents: dict[str, str] = {}
        self._new_executions: dict[str, Entry] = {}
        self._dirty_executions: dict[str, Entry] = {}
        self._dirty_nodes: dict[tuple[int, str], tuple[Entry, NodeRow]] = {}
        self._new_results: dict[tuple[int, str], tuple[str | None, str | None]] = {}
        self._new_events: list[tuple[int, int, int, str, str]] = []
        self._removals: dict[str, tuple[int, str, int | None]] = {}
        """By id: number, plan, and how many rows of each part go where not all do."""

    def load_open(self, due_at: int) -> None:
        """Hold every running execution in memory; what someone was doing is due at `due_at`.

        At a start that is now: the owner before is gone, and its leases with it.
        """
        row = self._db.execute("SELECT coalesce(max(number), 0) FROM execution").fetchone()
        # Also after a failed transaction: those of deleted executions do not come again.
        self._numbers = max(self._numbers, row[0])
        for (identifier,) in self._db.execute(
            "SELECT id FROM execution WHERE status = 'RUNNING'"
        ).fetchall():
            entry = self.find(identifier)
            assert entry is not None
            self._load_nodes(entry, due_at)
            self._count_again(entry)

    def _find(self, execution: str) -> Entry | None:
        entry = self.entries.get(execution)
        if entry is None and execution not in self._removals:
            entry = self._load(execution)
        return entry

    def create(self, new: NewExecution, now: int) -> int:
        number = super().create(new, now)
        if not number:
            return 0
        self._new_documents[new.plan] = self.documents.pop(new.plan)
        entry = self.entries[new.id]
        self._complete.add(new.id)
        self._idle[new.id] = None
        self._new_executions[new.id] = entry
        return number

    def node(self, entry: Entry, key: str) -> NodeRow | None:
        row = entry.nodes.get(key)
        if row is None and (key in entry.ended or entry.row.id not in self._complete):
            changed = self._dirty_nodes.get((entry.row.number, key))
            row = changed[1] if changed is not None else self._load_node(entry, key)
        return row

    def save(self, entry: Entry, row: NodeRow) -> None:
        super().save(entry, row)
        self._dirty_nodes[entry.row.number, row.key] = (entry, row)

    def save_execution(self, entry: Entry) -> None:
        if entry.row.id not in self._new_executions:
            self._dirty_executions[entry.row.id] = entry

    def put_result(self, entry: Entry, key: str, output: str | None, error: str | None) -> None:
        self._new_results[entry.row.number, key] = (output, error)

    def log(self, entry: Entry, event: Event) -> None:
        self._new_events.append(
            (entry.row.number, event.seq, event.at, event.key, _encode_event(event))
        )

    def flush(self) -> None:
        """Write what changed, inside the caller's transaction."""
        db = self._db
        for number, _, _ in self._removals.values():
            # First, so that an id can come again in the same transaction.
            hide(db, number)
        if self._new_documents:
            db.executemany(
                "INSERT OR IGNORE INTO document VALUES (?, ?)", self._new_documents.items()
            )
        if self._new_executions:
            added = [_execution_values(entry.row) for entry in self._new_executions.values()]
            db.executemany(_ADD_EXECUTION, added)
        if changed := [each for each in self._dirty_executions.values() if _has_news(each)]:
            db.executemany(_SET_EXECUTION, [_execution_changes(each.row) for each in changed])
        if self._dirty_nodes:
            values = [_node_values(e.row.number, row) for e, row in self._dirty_nodes.values()]
            db.executemany(_PUT_NODE, values)
        if self._new_results:
            db.executemany(
                "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?)",
                [(*place, *result) for place, result in self._new_results.items()],
            )
        if self._new_events:
            db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", self._new_events)
        for removal in self._removals.values():
            hide(db, removal[0])
            remove(db, *removal)

    def remove(self, execution: str, limit: int, number: int) -> Deletion:
        """Delete an execution that does not run, or some rows of it."""
        entry = self.find(execution, number)
        if entry is None:
            return Deletion.DONE
        if (refusal := self.refuses_deletion(entry)) is not None:
            return refusal
        row = entry.row
        done = not self.is_dirty and fits_in_one_step(self._db, row.number, limit)
        self._removals[execution] = (row.number, row.plan, None if done else limit)
        self.entries.pop(execution)
        self._complete.discard(execution)
        self._idle.pop(execution, None)
        return Deletion.DONE if done else Deletion.MORE

    def refuses_deletion(self, entry: Entry) -> Deletion | None:
        refusal = super().refuses_deletion(entry)
        if refusal is None and self._db.execute(_OPEN_RETRY, (entry.row.id,)).fetchone():
            return Deletion.IN_USE
        return refusal

    @property
    def is_dirty(self) -> bool:
        """Whether anything waits for `flush`."""
        return bool(
            self._new_executions or self._dirty_executions or self._dirty_nodes or self._removals
        )

    def forget(self) -> None:
        """After a commit: let go of what need not be in memory."""
        for entry, row in self._dirty_nodes.values():
            if row.ended is not None and not row.is_active and row.key in entry.nodes:
                entry.ended.add(row.key)
                del entry.nodes[row.key]
        for changed in (self._dirty_executions, self._new_executions):
            for identifier, entry in changed.items():
                if entry.row.ended is not None:
                    self._idle[identifier] = None
                    self._drop(identifier)
        self._clear_changes()

    def evict_idle(self) -> None:
        """With nothing left to write: hold no more than so many executions that do not run."""
        while len(self._idle) > _IDLE_ENTRIES:
            self._drop(next(iter(self._idle)))

    def reset(self, due_at: int) -> None:
        """After a failed transaction: trust nothing but the file."""
        self._clear_changes()
        self.entries.clear()
        self._complete.clear()
        self._idle.clear()
        self._deadlines.clear()
        self.load_open(due_at)

    def _clear_changes(self) -> None:
        self._new_documents = {}
        self._new_executions = {}
        self._dirty_executions = {}
        self._dirty_nodes = {}
        self._new_results = {}
        self._new_events = []
        self._removals = {}

    def _drop(self, identifier: str) -> None:
        del self._idle[identifier]
        entry = self.entries.get(identifier)
        if entry is not None and entry.row.status is not Status.RUNNING:
            del self.entries[identifier]
            self._complete.discard(identifier)

    def _load(self, execution: str) -> Entry | None:
        values = self._db.execute("SELECT * FROM execution WHERE id = ?", (execution,)).fetchone()
        if values is None:
            return None
        row = execution_row(values)
        entry = self.entries[execution] = Entry(row)
        if row.status is Status.RUNNING:
            self.set_execution_deadline(entry, row.deadline)
        else:
            self._idle[execution] = None
            if row.status is Status.PENDING:
                self._complete.add(execution)
        return entry

    def _load_nodes(self, entry: Entry, due_at: int) -> None:
        cursor = self._db.execute(
            f"SELECT {_NODE_COLUMNS} FROM node WHERE execution = ?", (entry.row.number,)
        )
        while batch := list(islice(cursor, 1_000)):
            for values in batch:
                row = _node_row(entry.row.id, values)
                if row.state.terminal and not row.is_active:
                    entry.ended.add(row.key)
                    continue
                entry.nodes[row.key] = row
                if row.is_active:
                    if row.state is not NodeState.WAITING:
                        row.deadline = due_at
                    super().save(entry, row)
        self._complete.add(entry.row.id)

    def _count_again(self, entry: Entry) -> None:
        (last,) = self._db.execute(
            "SELECT coalesce(max(seq), 0) FROM event WHERE execution = ?", (entry.row.number,)
        ).fetchone()
        entry.row.seq = last
        entry.row.active = len(entry.active)

    def _load_node(self, entry: Entry, key: str) -> NodeRow | None:
        values = self._db.execute(
            f"SELECT {_NODE_COLUMNS} FROM node WHERE execution = ? AND key = ?",
            (entry.row.number, key),
        ).fetchone()
        return _node_row(entry.row.id, values) if values is not None else None


def _node_values(number: int, row: NodeRow) -> tuple[Any, ...]:
    return (
        number,
        row.key,
        str(row.state),
        row.token,
        row.attempt,
        row.failures,
        row.lost,
        row.ok,
        row.failed,
        row.skipped,
        row.cursor,
        row.deadline,
        row.started,
        row.ended,
        row.queue,
        row.handler,
        row.leased,
    )


def _node_row(execution: str, values: tuple[Any, ...]) -> NodeRow:
    key, state, *rest = values
    return NodeRow(execution, key, NodeState(state), *rest)


def _execution_values(row: ExecutionRow) -> tuple[Any, ...]:
    return (
        row.number,
        row.id,
        row.plan,
        row.name,
        _encode(row.labels),
        row.input,
        row.created,
        row.timeout,
        str(row.status),
        str(row.halt),
        row.active,
        row.failures,
        row.seq,
        _encode(row.notices),
        row.started,
        row.ended,
        row.deadline,
        _encode(row.meters),
        row.retry_of,
    )


def _has_news(entry: Entry) -> bool:
    """Whether an execution's own row is to be written.

    `active` and `seq` change with every Move; of a running execution they are counted again when
    it is loaded, so that a Move need not write this row.
    """
    row = entry.row
    state = (row.status, row.halt, row.failures, row.notices, row.deadline, str(row.meters))
    changed = state != entry.written
    entry.written = state
    return changed


def _execution_changes(row: ExecutionRow) -> tuple[Any, ...]:
    return (
        str(row.status),
        str(row.halt),
        row.active,
        row.failures,
        row.seq,
        _encode(row.notices) if row.notices else "[]",
        row.started,
        row.ended,
        row.deadline,
        _encode(row.meters) if row.meters else "{}",
        row.number,
    )


def execution_row(values: tuple[Any, ...]) -> ExecutionRow:
    """Read an execution's row back from its columns."""
    number, identifier, plan, name, labels, given, created, timeout, status, halt, *rest = values
    active, failures, seq, notices, started, ended, deadline, meters, retry_of = rest
    return ExecutionRow(
        id=identifier,
        number=number,
        plan=plan,
        name=name,
        labels=json.loads(labels),
        input=given,
        created=created,
        timeout=timeout,
        status=Status(status),
        halt=Halt(halt),
        active=active,
        failures=failures,
        seq=seq,
        notices=tuple(json.loads(notices)),
        started=started,
        ended=ended,
        deadline=deadline,
        meters=json.loads(meters),
        retry_of=retry_of,
    )


def _encode_event(event: Event) -> str:
    return to_json(
        (
            str(event.before) if event.before is not None else None,
            str(event.to) if event.to is not None else None,
            event.attempt,
            event.fired,
            event.kept,
            str(event.status),
            event.detail,
        )
    ).decode()


def decode_event(seq: int, at: int, key: str, body: str) -> Event:
    """Read an event back from its columns."""
    before, to, attempt, fired, kept, status, detail = json.loads(body)
    return Event(
        seq,
        at,
        key,
        NodeState(before) if before is not None else None,
        NodeState(to) if to is not None else None,
        attempt,
        tuple(fired),
        tuple(kept),
        Status(status),
        detail,
    )
