"""How the SQLite store commits: together, whole or not at all, and what it keeps in memory."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from wfcore.errors import CommandRefused, StoreError
from wfcore.store.contract import Code, Move, Reply
from wfcore.store.opening import Durability
from wfcore.store.sqlite import SqliteStore
from wfcore.store.sqlite_ledger import SqliteLedger
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import X, dump
from wfcore.testing.conformance.moves import LONG, edge
from wfcore.workflow.states import Status

BIG = '{"data":"' + "x" * 100_000 + '"}'


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "wf.db", clock=clock)
    await store.open()
    yield store
    await store.close()


async def run_sql(store: SqliteStore, sql: str) -> None:
    """Run a statement on the connection that writes."""
    await store._writer.submit(lambda ledger, now: ledger._db.execute(sql).fetchall())


async def started(store: SqliteStore, execution: str, *roots: str) -> None:
    """Have an execution whose roots are leased with the tokens 11, 12, ..."""
    await store.create(moves.new(execution))
    await store.apply([moves.start(execution, [edge(root) for root in roots])])
    leases = [moves.lease(execution, root, token) for token, root in enumerate(roots, 11)]
    await store.apply(leases)


def big(execution: str, key: str, token: int) -> Move:
    move = moves.complete(execution, key, token)
    move.output = BIG
    return move


class Paused:
    """Holds the writer's thread, so that commands pile up behind it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._go_on = threading.Event()

    async def __aenter__(self) -> None:
        held = threading.Event()

        def hold(ledger: SqliteLedger, now: int) -> None:
            held.set()
            self._go_on.wait(30)

        self._answer = self._store._writer.submit(hold)
        await asyncio.to_thread(held.wait)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)  # commands of this turn of the loop queue up first
        self._go_on.set()
        await self._answer


class TestGroupCommit:
    async def test_commands_that_wait_together_share_one_transaction(
        self, store: SqliteStore
    ) -> None:
        roots = [f"n{number}" for number in range(50)]
        await started(store, X, *roots)
        seen: list[str] = []
        await store._writer.submit(lambda ledger, now: ledger._db.set_trace_callback(seen.append))
        async with Paused(store):
            ends = [
                asyncio.ensure_future(store.apply([moves.complete(X, root, token)]))
                for token, root in enumerate(roots, 11)
            ]
        replies = [reply for answer in ends for reply in await answer]
        assert {reply.code for reply in replies} == {Code.OK}
        assert seen.count("COMMIT") == 1

    async def test_nobody_is_answered_before_the_commit(self, store: SqliteStore) -> None:
        await started(store, X, "a")
        order: list[str] = []

        def trace(statement: str) -> None:
            if statement == "COMMIT":
                order.append("commit")

        await store._writer.submit(lambda ledger, now: ledger._db.set_trace_callback(trace))
        await store.apply([moves.complete(X, "a", 11)])
        order.append("answer")
        assert order == ["commit", "answer"]

    async def test_reading_and_renewing_commit_nothing(self, store: SqliteStore) -> None:
        await started(store, X, "a")
        seen: list[str] = []
        await store._writer.submit(lambda ledger, now: ledger._db.set_trace_callback(seen.append))
        await dump(store, X)
        await store.due(10)
        assert store.renew([moves.ref(X, "a", 11)], LONG) == [True]
        assert "COMMIT" not in seen

    @pytest.mark.parametrize(("durability", "level"), [("durable", 2), ("relaxed", 1)])
    async def test_durable_flushes_each_commit_to_disk(
        self, tmp_path: Path, durability: Durability, level: int
    ) -> None:
        other = SqliteStore(tmp_path / "other.db", durability=durability)
        await other.open()
        found = await other._writer.submit(
            lambda ledger, now: [
                ledger._db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "journal_mode")
            ]
        )
        await other.close()
        assert found == [level, "wal"]


class TestFailures:
    async def test_a_full_disk_fails_all_and_changes_nothing(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await started(store, X, "a", "b")
        await store.create(moves.new("x2"))
        before = await dump(store, X), await dump(store, "x2")
        await run_sql(store, "PRAGMA max_page_count = 1")
        async with Paused(store):
            waiting = [
                asyncio.ensure_future(store.apply([big(X, "a", 11)])),
                asyncio.ensure_future(store.apply([moves.start("x2", [edge("a")])])),
                asyncio.ensure_future(store.create(moves.new("x3"))),
            ]
        for answer in waiting:
            with pytest.raises(StoreError, match="full") as ill:
                await answer
            assert not isinstance(ill.value, CommandRefused), "it is welcome again later"
        assert (await dump(store, X), await dump(store, "x2")) == before
        assert await store.read("x3") is None
        await run_sql(store, "PRAGMA max_page_count = 1000000")
        replies = await store.apply([big(X, "a", 11), moves.start("x2", [edge("a")])])
        assert [reply.code for reply in replies] == [Code.OK, Code.OK]
        assert await store.create(moves.new("x3"))
        with closing(sqlite3.connect(tmp_path / "wf.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    async def test_a_file_that_may_not_grow_fails_the_same_way(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await started(store, X, "a")
        before = await dump(store, X)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = (tmp_path / "wf.db-wal").stat().st_size + 10_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StoreError):
                await store.apply([big(X, "a", 11)])
            assert await dump(store, X) == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        reply, *_ = await store.apply([big(X, "a", 11)])
        assert reply.code is Code.OK
        _, found = await store.results(X, ["a"])
        assert found["a"].output == BIG

    async def test_a_number_does_not_come_again_after_it(self, store: SqliteStore) -> None:
        numbers = []
        for _ in range(3):
            await store.create(moves.new(X))
            numbers.append((await store.results(X, [])).number)
            await store.delete(X, 1_000)
            await run_sql(store, "PRAGMA max_page_count = 1")
            with pytest.raises(StoreError, match="full"):
                await store.create(replace(moves.new(X), input=BIG))
            await run_sql(store, "PRAGMA max_page_count = 1000000")
        assert len(set(numbers)) == 3

    async def test_leases_outlive_a_full_disk(self, store: SqliteStore, clock: ManualClock) -> None:
        await started(store, X, "a", "b")
        await run_sql(store, "PRAGMA max_page_count = 1")
        with pytest.raises(StoreError):
            await store.apply([big(X, "a", 11)])
        assert store.renew([moves.ref(X, "a", 11)], LONG) == [True]
        found, _ = await store.due(10)
        assert found == [], "who held a lease gets time to renew it"
        clock.advance(60_000)
        found, _ = await store.due(10)
        assert [item.key for item in found] == ["b"]

    async def test_it_goes_on_even_if_the_file_could_not_be_read_back_at_first(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await started(store, X, "a")
        load_open = SqliteLedger.load_open
        failures = iter([sqlite3.OperationalError("disk I/O error")])

        def ill(ledger: SqliteLedger, due_at: int) -> None:
            for error in failures:
                raise error
            load_open(ledger, due_at)

        monkeypatch.setattr(SqliteLedger, "load_open", ill)
        await run_sql(store, "PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="full"):
            await store.apply([big(X, "a", 11)])
        with pytest.raises(StoreError, match="disk I/O"):
            await run_sql(store, "PRAGMA max_page_count = 1000000")
        await run_sql(store, "PRAGMA max_page_count = 1000000")
        reply, *_ = await store.apply([big(X, "a", 11)])
        assert (reply.code, reply.status) == (Code.OK, Status.COMPLETED)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("output", '{"data":"\ud800"}'),
            ("output", object()),
            ("next_cursor", 2**63),
            ("meters", {"tokens": Decimal(1)}),
        ],
    )
    async def test_a_command_that_cannot_be_stored_is_refused_alone(
        self, store: SqliteStore, field: str, value: object
    ) -> None:
        await started(store, X, "a", "b", "c")
        poison = moves.complete(X, "b", 12)
        setattr(poison, field, value)
        async with Paused(store):
            ends = [
                asyncio.ensure_future(store.apply([move]))
                for move in (moves.complete(X, "a", 11), poison, moves.complete(X, "c", 13))
            ]
        done = await asyncio.gather(*ends, return_exceptions=True)
        assert isinstance(done[1], CommandRefused)
        assert codes(done[0]) == codes(done[2]) == [Code.OK]
        record = await store.read(X)
        assert record is not None
        assert (record.active, record.seq) == (1, 6)
        reply, *_ = await store.apply([moves.complete(X, "b", 12)])
        assert reply.status is Status.COMPLETED

    async def test_who_stops_waiting_harms_nobody(self, store: SqliteStore) -> None:
        await started(store, X, "a", "b")
        async with Paused(store):
            impatient = asyncio.ensure_future(store.apply([moves.complete(X, "a", 11)]))
            patient = asyncio.ensure_future(store.apply([moves.complete(X, "b", 12)]))
            await asyncio.sleep(0)
            impatient.cancel()
        assert (await patient)[0].status is Status.COMPLETED


class TestMemory:
    async def entries(self, store: SqliteStore) -> list[str]:
        return await store._writer.submit(lambda ledger, now: list(ledger.entries))

    async def test_an_execution_that_ended_leaves_nothing_behind(self, store: SqliteStore) -> None:
        await started(store, X, "a", "b")
        await started(store, "x2", "a")
        await store.apply([moves.complete(X, "a", 11), moves.complete(X, "b", 12)])
        assert await self.entries(store) == ["x2"]
        # Nor does it come back for good because someone looks at it.
        await dump(store, X)
        await store.apply([moves.complete("x2", "a", 11)])
        left = await store._writer.submit(
            lambda ledger, now: (
                len(ledger._complete),
                len(ledger._dirty_nodes),
                sum(len(entry.nodes) for entry in ledger.entries.values()),
            )
        )
        assert left == (0, 0, 0)

    async def test_nodes_that_ended_leave_no_row_while_the_execution_goes_on(
        self, store: SqliteStore
    ) -> None:
        await started(store, X, "a", "b")
        await store.apply([moves.complete(X, "a", 11, [edge("c", deps=2)])])
        rows = await store._writer.submit(lambda ledger, now: set(ledger.entries[X].nodes))
        assert rows == {"b", "c"}

    async def test_late_edges_of_one_batch_all_count_on_a_row_that_left_memory(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await started(store, X, "a", "b", "c", "d")
        any_of = edge("z", deps=4, need=1)
        await store.apply([moves.complete(X, "a", 11, [any_of]), moves.lease(X, "z", 50)])
        await store.apply([moves.complete(X, "z", 50)])
        await store.apply(
            [moves.complete(X, key, token, [any_of]) for token, key in enumerate("bcd", 12)]
        )
        with closing(sqlite3.connect(tmp_path / "wf.db")) as connection:
            rows = connection.execute("SELECT ok, state FROM node WHERE key = 'z'").fetchall()
        assert rows == [(4, "COMPLETED")]

    async def test_executions_that_nobody_starts_do_not_pile_up(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wfcore.store.sqlite_ledger._IDLE_ENTRIES", 10)
        for number in range(30):
            await store.create(moves.new(f"e{number}"))
        assert len(await self.entries(store)) == 10
        replies = await store.apply([moves.start("e0", [edge("a")])])
        assert replies[0].code is Code.OK

    async def test_executions_that_are_only_read_do_not_pile_up(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(30):
            await store.create(moves.new(f"e{number}"))
        monkeypatch.setattr("wfcore.store.sqlite_ledger._IDLE_ENTRIES", 10)
        for number in range(30):
            assert await store.read(f"e{number}")
        assert len(await self.entries(store)) == 10


def codes(answer: list[Reply] | BaseException) -> list[Code]:
    assert not isinstance(answer, BaseException)
    return [reply.code for reply in answer]
