"""The store in one SQLite file: the embedded default."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

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
    NodeResult,
    NodeResults,
    Page,
    Past,
    Reply,
)
from wfcore.store.cursor import read_cursor
from wfcore.store.pages import in_pages
from wfcore.store.sqlite_file import SqliteFile
from wfcore.store.sqlite_ledger import SqliteLedger, decode_event, execution_row
from wfcore.store.sqlite_reader import SqliteReader
from wfcore.store.sqlite_search import PAST, search_query
from wfcore.store.sqlite_writer import SqliteWriter
from wfcore.workflow.states import NodeState

__all__ = ["SqliteStore"]

_KEYS_PER_QUERY: Final = 500
_NUMBER: Final = "SELECT number FROM execution WHERE id = ?"


class SqliteStore:
    """A `StateStore` in one file, which this process owns while it is open.

    `durable` flushes to disk before an answer and survives a power cut; `relaxed` survives the
    death of the process. Writes go through one thread and one connection, reads through another,
    and lists, which may have to look at many executions, through a third.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        durability: Literal["durable", "relaxed"] = "durable",
        clock: Clock = wall_clock,
    ) -> None:
        self.durability: str = durability
        self.name = f"SQLite file {path}"
        self._file = SqliteFile(Path(path), durable=durability == "durable")
        self._clock = clock
        self._writer = SqliteWriter(self._file, clock)
        self._reader = SqliteReader(self._file, "read")
        self._searcher = SqliteReader(self._file, "search")

    async def open(self) -> None:
        """Own the file, migrate it, load what is open."""
        self._file.own()
        try:
            await self._writer.start()
            self._reader.open()
            self._searcher.open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what waits, close the file, give it up."""
        await self._reader.close()
        await self._searcher.close()
        # The writer goes last: the last connection that can write tidies the journal away.
        await self._writer.stop()
        self._file.release()

    async def create(self, new: NewExecution) -> int:
        """Store a PENDING execution."""
        return await self._writer.submit(lambda ledger, now: ledger.create(new, now))

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves in order; answered when they are committed."""
        return await self._writer.submit(partial(_apply, moves))

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        """Renew leases that still hold."""
        held = list(leases)
        return self._writer.call(lambda ledger, now: ledger.renew(held, now + lease_ms))

    async def halt(
        self, execution: str, halt: Halt, sweep_ms: int | None = 0, number: int = 0
    ) -> Reply:
        """Let no further node open."""
        return await self._writer.submit(
            lambda ledger, now: transition.halt(ledger, execution, number, halt, sweep_ms, now)
        )

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        """List what is due."""
        return await self._writer.submit(lambda ledger, now: ledger.due(now, limit))

    async def active(self, execution: str, limit: int) -> list[Due]:
        """List what keeps an execution open."""

        def work(ledger: SqliteLedger, _: int) -> list[Due]:
            entry = ledger.find(execution)
            return ledger.active(entry, limit) if entry is not None else []

        return await self._writer.submit(work)

    async def read(self, execution: str) -> ExecutionRecord | None:
        """Read an execution."""

        def work(ledger: SqliteLedger, _: int) -> ExecutionRecord | None:
            entry = ledger.find(execution)
            return entry.row.record() if entry is not None else None

        return await self._writer.submit(work)

    async def results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        """Read where nodes stand and what they left behind."""
        return await in_pages(keys, _KEYS_PER_QUERY, partial(self._results, execution))

    async def _results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        if not keys:
            # A join with no node at all would look at every node there is.
            found = await self._reader.query(_NUMBER, (execution,))
            return NodeResults(found[0][0] if found else 0, {})
        places = ", ".join("?" * len(keys))
        rows = await self._reader.query(
            "SELECT e.number, n.key, n.state, r.output, r.error FROM execution e "
            f"LEFT JOIN node n ON n.execution = e.number AND n.key IN ({places}) "
            "LEFT JOIN result r ON r.execution = e.number AND r.key = n.key WHERE e.id = ?",
            (*keys, execution),
        )
        nodes = {
            key: NodeResult(NodeState(state), *left)
            for _, key, state, *left in rows
            if key is not None
        }
        return NodeResults(rows[0][0] if rows else 0, nodes)

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        """Page through the touched nodes."""
        rows = await self._reader.query(
            "SELECT n.key, n.state, n.attempt, n.failures, n.lost, n.started, n.ended "
            "FROM execution e JOIN node n ON n.execution = e.number "
            "WHERE e.id = ? AND n.key > ? ORDER BY n.key LIMIT ?",
            (execution, after, limit),
        )
        return [NodeRecord(key, NodeState(state), *rest) for key, state, *rest in rows]

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        """Page through the event log."""
        rows = await self._reader.query(
            "SELECT v.seq, v.at, v.key, v.body FROM execution e "
            "JOIN event v ON v.execution = e.number "
            "WHERE e.id = ? AND v.seq > ? ORDER BY v.seq LIMIT ?",
            (execution, after, limit),
        )
        return [decode_event(*row) for row in rows]

    async def document(self, plan: str) -> str | None:
        """Read a document."""
        rows = await self._reader.query("SELECT body FROM document WHERE plan = ?", (plan,))
        return rows[0][0] if rows else None

    async def history(self, execution: str, key: str, limit: int) -> list[Event]:
        """List the newest events of one node; there is no index, so that Moves need not keep it."""
        rows = await self._searcher.query(
            "SELECT v.seq, v.at, v.key, v.body FROM execution e "
            "JOIN event v ON v.execution = e.number "
            "WHERE e.id = ? AND v.key = ? ORDER BY v.seq DESC LIMIT ?",
            (execution, key, limit),
        )
        return [decode_event(*row) for row in reversed(rows)]

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Page through executions."""
        sql, values = search_query(wanted, read_cursor(after), limit + 1)
        rows = await self._searcher.query(sql, values)
        found = [execution_row(row) for row in rows]
        more = str(found[limit - 1].number) if len(found) > limit else ""
        return Page([row.record() for row in found[:limit]], more)

    async def delete(self, execution: str, limit: int, number: int = 0) -> Deletion:
        """Delete an execution that does not run, or some rows of it."""
        return await self._writer.submit(lambda ledger, _: ledger.remove(execution, limit, number))

    async def past(self, age_ms: int, limit: int) -> list[Past]:
        """List what ended, or was created and never began, long ago."""
        rows = await self._searcher.query(PAST, (max(0, self._clock() - age_ms), limit))
        return [Past(*row) for row in rows]


def _apply(moves: Sequence[Move], ledger: SqliteLedger, now: int) -> list[Reply]:
    return [transition.apply(ledger, move, now) for move in moves]
