"""The faulty store and bus do what they say, and a patient client leaves no other traces."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conformance.faulty import BusRates, Fault, FaultyBus, FaultyStore, Rates
from wfcore.bus.contract import Task, TaskBus
from wfcore.bus.local import LocalBus
from wfcore.errors import StoreError
from wfcore.store.contract import Code, Halt, Move, NewExecution, Reply, StateStore
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.backend import Backend, Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import Dump, Lab, X, dump
from wfcore.testing.conformance.moves import edge
from wfcore.workflow.states import NodeState, Status

ROUGH = Rates(before=0.25, after=0.25, repeat=0.25, delay=0.1, delay_ms=1)


class PatientClient:
    """Sends each command until it is answered, as an engine does."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self.seen: list[Code] = []

    async def create(self, new: NewExecution) -> None:
        while True:
            try:
                await self.store.create(new)
            except StoreError:
                continue
            return

    async def apply(self, move: Move) -> Reply:
        while True:
            try:
                (reply,) = await self.store.apply([move])
            except StoreError:
                continue
            assert reply.code in (Code.OK, Code.AGAIN)
            self.seen.append(reply.code)
            return reply


async def work_through(client: PatientClient) -> None:
    """A start, a fan-out in two chunks with kept and fired nodes, a join, a failure, an end."""
    await client.create(moves.new(X))
    started = await client.apply(moves.start(X, [edge("a")], keep=1, keep_token=10))
    assert [lease.token for lease in started.kept] == [10]
    first = moves.complete(X, "a", 10, [edge("b"), edge("c")], keep=1, keep_token=20, next_cursor=2)
    kept = await client.apply(first)
    assert [lease.key for lease in kept.kept] == ["b"]
    assert [task.key for task in kept.fired] == ["c"]
    await client.apply(moves.chunk(first, [edge("d")], 2))
    leased = await client.apply(moves.lease(X, "c", 30))
    assert leased.lease is not None
    assert leased.lease.attempt == 1
    await client.apply(moves.lease(X, "d", 40))
    for key, token in (("b", 20), ("c", 30)):
        await client.apply(moves.complete(X, key, token, [edge("z", deps=3)]))
    last = await client.apply(moves.fail(X, "d", 40, [edge("z", deps=3)]))
    assert [task.key for task in last.fired] == ["z"]
    await client.apply(moves.lease(X, "z", 50))
    ended = await client.apply(moves.complete(X, "z", 50))
    assert ended.status is Status.FAILED


async def outcome(store: StateStore) -> Dump:
    await work_through(PatientClient(store))
    return await dump(store, X)


class TestPatience:
    """Law 2: whatever is lost or repeated, every visible trace is that of the undisturbed run."""

    @pytest.mark.parametrize("seed", range(5))
    async def test_a_patient_client_leaves_the_same_traces(
        self, backend: Backend, seed: int, tmp_path: Path
    ) -> None:
        clock = ManualClock()
        for name in ("calm", "rough"):
            (tmp_path / name).mkdir()
        async with backend.opened(Place(tmp_path / "calm", clock)) as store:
            expected = await outcome(store)
        async with backend.opened(Place(tmp_path / "rough", clock)) as store:
            faulty = FaultyStore(store, seed, ROUGH)
            client = PatientClient(faulty)
            await work_through(client)
            faulty.calm()
            found = await dump(faulty, X)
        if backend.moves_clock:
            assert found == expected
        assert found.results == expected.results
        assert len(found.events) == len(expected.events)
        assert faulty.counts().total() > 0


class TestFaultyStore:
    async def test_a_failure_before_applies_nothing(self, lab: Lab) -> None:
        await lab.started("a")
        before = await dump(lab.store, X)
        faulty = FaultyStore(lab.store, 1, Rates(before=1.0))
        with pytest.raises(StoreError, match="before"):
            await faulty.apply([moves.lease(X, "a", 21)])
        with pytest.raises(StoreError, match="before"):
            await faulty.create(moves.new("x2"))
        with pytest.raises(StoreError, match="before"):
            await faulty.halt(X, Halt.CANCEL)
        with pytest.raises(StoreError, match="before"):
            faulty.renew([], 1)
        with pytest.raises(StoreError, match="before"):
            await faulty.due(10)
        assert await dump(lab.store, X) == before
        assert await lab.store.read("x2") is None

    async def test_a_failure_after_has_applied(self, lab: Lab) -> None:
        await lab.started("a")
        faulty = FaultyStore(lab.store, 1, Rates(after=1.0))
        with pytest.raises(StoreError, match="after"):
            await faulty.apply([moves.lease(X, "a", 21)])
        assert await lab.state("a") == NodeState.RUNNING
        with pytest.raises(StoreError, match="after"):
            await faulty.create(moves.new("x2"))
        assert await faulty.read("x2") is not None

    async def test_a_repeat_gives_the_second_answer(self, lab: Lab) -> None:
        await lab.started("a")
        faulty = FaultyStore(lab.store, 1, Rates(repeat=1.0))
        reply, *_ = await faulty.apply([moves.lease(X, "a", 21)])
        assert reply.code is Code.AGAIN
        assert not await faulty.create(moves.new("x2"))
        assert (await faulty.halt(X, Halt.CANCEL)).code is Code.AGAIN

    async def test_a_late_copy_arrives_before_the_store_closes(self, lab: Lab) -> None:
        await lab.started("a")
        faulty = FaultyStore(lab.store, 1, Rates(late=1.0))
        reply, *_ = await faulty.apply([moves.lease(X, "a", 21)])
        assert reply.code is Code.OK
        await faulty.close()
        assert faulty.counts() == {Fault.LATE: 1}

    async def test_calm_and_spared_operations_are_left_alone(self, lab: Lab) -> None:
        await lab.started("a")
        faulty = FaultyStore(lab.store, 1, Rates(before=1.0), spare={"read"})
        assert await faulty.read(X) is not None
        with pytest.raises(StoreError):
            await faulty.document("p1")
        faulty.calm()
        assert await faulty.document("p1") is not None
        assert [injected.operation for injected in faulty.record] == ["document"]

    async def test_the_same_seed_does_the_same(self, lab: Lab) -> None:
        await lab.started("a")
        records = []
        for seed in (1, 1, 2):
            faulty = FaultyStore(lab.store, seed, Rates(before=0.5))
            for _ in range(50):
                await asyncio.gather(faulty.read(X), faulty.due(1), return_exceptions=True)
            records.append(faulty.record)
        assert records[0] == records[1] != records[2]


def tasks(count: int) -> list[Task]:
    return [Task(X, f"n{number}", "default", "noop") for number in range(count)]


async def taken(bus: TaskBus, count: int) -> list[Task]:
    found: list[Task] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += await bus.take(1)
    return found


class TestFaultyBus:
    async def test_it_loses(self) -> None:
        bus = FaultyBus(LocalBus(), 1, BusRates(lose=0.5))
        await bus.publish(tasks(100))
        lost = bus.counts()[Fault.LOSE]
        assert 0 < lost < 100
        assert len(set(await taken(bus, 100 - lost))) == 100 - lost

    async def test_it_repeats(self) -> None:
        inner = Recorder()
        await FaultyBus(inner, 1, BusRates(repeat=1.0)).publish(tasks(2))
        assert inner.published == [task for task in tasks(2) for _ in range(2)]

    async def test_it_reorders(self) -> None:
        bus = FaultyBus(LocalBus(), 1, BusRates(reorder=1.0))
        await bus.publish(tasks(20))
        found = await taken(bus, 20)
        assert found != tasks(20)
        assert sorted(found) == sorted(tasks(20))

    async def test_it_delays(self) -> None:
        inner = Recorder()
        bus = FaultyBus(inner, 1, BusRates(delay=1.0))
        await bus.publish(tasks(3))
        assert inner.published == []
        assert sorted(await taken(bus, 3)) == tasks(3)

    async def test_what_is_delayed_past_the_end_is_dropped(self) -> None:
        inner = Recorder()
        bus = FaultyBus(inner, 1, BusRates(delay=1.0, delay_ms=3_600_000))
        await bus.publish(tasks(3))
        await bus.close()
        assert inner.published == []


class Recorder(LocalBus):
    """A bus that remembers what was published on it."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Task] = []

    async def publish(self, tasks: Sequence[Task]) -> None:
        self.published += tasks
        await super().publish(tasks)
