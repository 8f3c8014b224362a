"""The SQLite file: owners, format versions, other programs' files, and starts after a stop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from wfcore.errors import StoreError, StoreOwned, StoreTooNew
from wfcore.store.contract import Code, Halt
from wfcore.store.opening import store_from_url
from wfcore.store.sqlite import SqliteStore
from wfcore.store.sqlite_file import FORMAT
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import X
from wfcore.testing.conformance.moves import LONG, edge
from wfcore.workflow.states import Status

Opened = Callable[[], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "wf.db"


@pytest.fixture
def opened(path: Path, clock: ManualClock) -> Opened:
    """Open the same file again and again, each time as a new owner."""

    @asynccontextmanager
    async def open_anew() -> AsyncIterator[SqliteStore]:
        store = SqliteStore(path, clock=clock)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    return open_anew


async def begin(store: SqliteStore, *roots: str, timeout_ms: int | None = None) -> None:
    await store.create(moves.new(X, timeout_ms=timeout_ms))
    await store.apply([moves.start(X, [edge(root) for root in roots])])


async def due(store: SqliteStore) -> list[tuple[str, str]]:
    found, _ = await store.due(100)
    return sorted((item.key, str(item.state)) for item in found)


class TestRestart:
    async def test_leases_and_ready_nodes_are_due_at_once(self, opened: Opened) -> None:
        async with opened() as store:
            await begin(store, "a", "b")
            await store.apply([moves.lease(X, "a", 21)])
            assert await due(store) == []
        async with opened() as store:
            assert await due(store) == [("a", "RUNNING"), ("b", "READY")]
            reply, *_ = await store.apply([moves.expire(X, "a", 21)])
            assert reply.code is Code.OK

    async def test_a_waiting_node_keeps_its_time(self, opened: Opened, clock: ManualClock) -> None:
        async with opened() as store:
            await begin(store, "a")
            await store.apply([moves.lease(X, "a", 21), moves.retry(X, "a", 21, 22, wait_ms=500)])
        clock.advance(200)
        async with opened() as store:
            assert await store.due(10) == ([], 300)
            clock.advance(300)
            assert await due(store) == [("a", "WAITING")]

    async def test_an_unfinished_fan_out_is_due_at_once(self, opened: Opened) -> None:
        async with opened() as store:
            await begin(store, "a")
            first = moves.complete(X, "a", 21, [edge("b0")], next_cursor=1)
            await store.apply([moves.lease(X, "a", 21), first])
        async with opened() as store:
            assert await due(store) == [("a", "COMPLETED"), ("b0", "READY")]
            record = await store.read(X)
            assert (record.active, record.status) == (2, Status.RUNNING)

    async def test_counters_and_tokens_are_kept(self, opened: Opened) -> None:
        async with opened() as store:
            await begin(store, "a", "b")
            join = edge("z", deps=2)
            await store.apply([moves.lease(X, "a", 21), moves.lease(X, "b", 22)])
            await store.apply([moves.complete(X, "a", 21, [join])])
        async with opened() as store:
            stale, again, last = await store.apply(
                [
                    moves.complete(X, "b", 99, [join]),
                    moves.complete(X, "a", 21, [join]),
                    moves.complete(X, "b", 22, [join]),
                ]
            )
            assert (stale.code, again.code, last.code) == (Code.STALE, Code.AGAIN, Code.OK)
            assert [item.key for item in last.fired] == ["z"]

    async def test_a_timeout_and_a_halt_are_kept(self, opened: Opened, clock: ManualClock) -> None:
        async with opened() as store:
            await begin(store, timeout_ms=100)
            await store.create(moves.new("x2", timeout_ms=500))
            await store.create(moves.new("x3"))
            for execution in ("x2", "x3"):
                await store.apply([moves.start(execution, [edge("a")])])
            await store.halt("x3", Halt.CANCEL, 300)
        clock.advance(500)
        async with opened() as store:
            found, _ = await store.due(10)
            whole = [(item.execution, item.halt) for item in found if not item.key]
            assert whole == [("x3", Halt.CANCEL), ("x2", Halt.NONE)]

    async def test_pending_and_ended_executions_are_read_and_start_as_before(
        self, opened: Opened
    ) -> None:
        async with opened() as store:
            await begin(store)
            await store.create(moves.new("x2"))
            before = await store.read(X), await store.read("x2")
        async with opened() as store:
            assert (await store.read(X), await store.read("x2")) == before
            again, first = await store.apply([moves.start(X, []), moves.start("x2", [])])
            assert (again.code, first.code) == (Code.AGAIN, Code.OK)
            assert not await store.create(moves.new(X))


class TestOlderFiles:
    @pytest.fixture(autouse=True)
    def written_by_format_1(self, path: Path) -> None:
        """A file as the first release wrote it: an execution in each of three states."""
        path.parent.mkdir()
        script = Path(__file__).with_name("format_1.sql").read_text()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    async def test_format_1_is_brought_up_and_goes_on(self, opened: Opened, path: Path) -> None:
        async with opened() as store:
            assert await due(store) == [("a", "RUNNING"), ("b", "READY")]
            late = moves.complete("running", "a", 21, meters={"tokens": 3})
            await store.apply([late, moves.lease("running", "b", 22)])
            await store.apply([moves.complete("running", "b", 22, meters={"tokens": 4})])
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        async with opened() as store:
            record = await store.read("running")
            assert (record.status, record.meters) == (Status.COMPLETED, {"tokens": 7})

    async def test_what_ended_or_waits_under_format_1_is_still_there(self, opened: Opened) -> None:
        async with opened() as store:
            ended = await store.read("ended")
            assert (ended.status, ended.notices, ended.meters) == (
                Status.COMPLETED,
                ("[echo]",),
                {},
            )
            assert [event.seq for event in await store.events("ended", 0, 10)] == [1, 2, 3]
            (reply,) = await store.apply([moves.start("pending", [])])
            assert reply.code is Code.OK


class TestOwner:
    async def test_a_second_store_of_the_same_process_is_refused(self, path: Path) -> None:
        first, second = SqliteStore(path), SqliteStore(path)
        await first.open()
        with pytest.raises(StoreOwned):
            await second.open()
        await first.close()
        await second.open()
        await second.close()

    async def test_a_closed_store_answers_with_an_error(self, path: Path) -> None:
        store = SqliteStore(path)
        await store.open()
        await begin(store, "a")
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.apply([moves.lease(X, "a", 21)])
        with pytest.raises(StoreError, match="closed"):
            store.renew([moves.ref(X, "a", 21)], LONG)
        with pytest.raises(StoreError, match="closed"):
            await store.results(X, ["a"])

    async def test_closing_finishes_what_waits(self, path: Path, opened: Opened) -> None:
        store = SqliteStore(path)
        await store.open()
        waiting = [store.create(moves.new(f"x{number}")) for number in range(20)]
        tasks = [asyncio.ensure_future(create) for create in waiting]
        await asyncio.sleep(0)
        await store.close()
        assert await asyncio.gather(*tasks) == [*range(1, 21)]
        async with opened() as reopened:
            assert await reopened.read("x19") is not None


class TestRefusedFiles:
    async def test_a_newer_format_is_refused_with_the_remedy(self, path: Path) -> None:
        store = SqliteStore(path)
        await store.open()
        await store.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
        with pytest.raises(StoreTooNew, match=f"format {FORMAT + 1}.*upgrade wfcore"):
            await SqliteStore(path).open()

    async def test_a_database_of_another_program_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "photos.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE photo (id INTEGER)")
            connection.commit()
        before = path.read_bytes()
        with pytest.raises(StoreError, match="another program"):
            await SqliteStore(path).open()
        assert path.read_bytes() == before

    async def test_a_file_that_is_no_database_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "letter.txt"
        path.write_text("Dear Sir or Madam,\n" * 500)
        before = path.read_bytes()
        with pytest.raises(StoreError, match="cannot be used as a store"):
            await SqliteStore(path).open()
        assert path.read_bytes() == before

    async def test_a_place_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match="cannot be used as a store"):
            await SqliteStore(tmp_path / "file" / "wf.db").open()
        with pytest.raises(StoreError, match="cannot be used as a store"):
            await SqliteStore(tmp_path).open()

    async def test_a_refused_file_can_be_opened_by_its_own_program(self, path: Path) -> None:
        store = SqliteStore(path)
        await store.open()
        await store.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
        with pytest.raises(StoreTooNew):
            await SqliteStore(path).open()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        store = SqliteStore(path)
        await store.open()
        await store.close()


class TestUrls:
    async def test_relative_and_absolute_paths(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for url in ("sqlite:///a%20b.db", f"sqlite:///{tmp_path}/c.db"):
            store = store_from_url(url)
            assert store.durability == "durable"
            await store.open()
            await store.close()
        assert {"a b.db", "c.db"} <= {file.name for file in tmp_path.iterdir()}
        assert store_from_url("sqlite:///x.db", durability="relaxed").durability == "relaxed"
        assert store_from_url("memory://").durability == "memory"

    @pytest.mark.parametrize("url", ["sqlit:///a.db", "sqlite://", "a.db", "postgres://h/d"])
    def test_what_names_no_store_is_refused(self, url: str) -> None:
        with pytest.raises(StoreError, match="sqlite"):
            store_from_url(url)


async def test_a_closed_store_leaves_one_file_and_its_lock(opened: Opened, path: Path) -> None:
    async with opened() as store:
        await store.create(moves.new(X))
        assert await store.nodes(X, "", 10) == []
    assert sorted(each.name for each in path.parent.iterdir()) == ["wf.db", "wf.db.lock"]


async def test_a_link_to_an_owned_file_is_owned_too(opened: Opened, path: Path) -> None:
    async with opened():
        link = path.parent / "link.db"
        link.symlink_to(path)
        with pytest.raises(StoreOwned):
            await SqliteStore(link).open()
