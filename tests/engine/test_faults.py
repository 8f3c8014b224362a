"""Whatever store and bus do, every execution ends as a sequential reference says, by the laws."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.faulty import BusRates, Fault, FaultyBus, FaultyStore, Rates
from tests.engine.documents import node, workflow
from tests.engine.reference import ATTEMPTS, Case, drawn
from tests.servers.redis import shared_redis
from wfcore import Engine, Event, NodeContext, NodeError, NodeState, handler
from wfcore.bus.local import LocalBus
from wfcore.store.contract import START, StateStore
from wfcore.store.memory import MemoryStore
from wfcore.store.redis import RedisStore
from wfcore.store.sqlite import SqliteStore

_RATES: Final = Rates(before=0.04, after=0.06, repeat=0.05, late=0.03, delay=0.1, delay_ms=4.0)
_BUS: Final = BusRates(lose=0.15, repeat=0.15, reorder=0.3, delay=0.15, delay_ms=20.0)
_INPUT: Final = {"yes": True, "no": False}


class Actor:
    """The handler `act` of some cases; it looks at the store itself before it does anything."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._cases: dict[str, Case] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.too_early: list[str] = []

        @handler
        async def act(seen: dict[str, str], context: NodeContext) -> dict[str, Any]:
            case = self._cases[context.execution_id]
            await self._look(case, context)
            self.calls[context.execution_id, context.node] += 1
            if self.calls[context.execution_id, context.node] <= case.failures[context.node]:
                raise NodeError("Drawn", "by the case", retryable=True)
            return {"value": seen}

        self.handler = act

    def knows(self, execution: str, case: Case) -> None:
        self._cases[execution] = case

    async def _look(self, case: Case, context: NodeContext) -> None:
        join, before = case.joins[context.node]
        _, found = await self._store.results(context.execution_id, before)
        ended = [each for each in before if each in found and found[each].state.terminal]
        decided = len(ended) == len(before)
        if join == "any_success":
            decided = decided or any(found[each].state in ("COMPLETED", "FAILED") for each in ended)
        if not decided:
            self.too_early.append(context.node)


async def _ends_as_drawn(
    engines: Sequence[Engine], actor: Actor, cases: Sequence[Case]
) -> list[str]:
    ids: list[str] = []
    for at, case in enumerate(cases):
        engine = engines[at % len(engines)]
        execution = await engine.submit(case.document, _INPUT, execution_id=f"x{at}")
        actor.knows(execution, case)
        ids.append(execution)
    async with asyncio.timeout(50):
        await asyncio.gather(
            *(engines[at % len(engines)].trigger(execution) for at, execution in enumerate(ids))
        )
        for at, execution in enumerate(ids):
            await engines[(at + 1) % len(engines)].wait(execution)
    return ids


async def _obeys(engine: Engine, execution: str, case: Case) -> None:
    view = await engine.execution(execution)
    errors = {each["error"]["type"] for each in view["nodes"].values() if "error" in each}
    assert errors <= {"Drawn"}
    assert {key: each["state"] for key, each in view["nodes"].items()} == case.states
    assert view["status"] == case.status
    outputs = {key: each["output"] for key, each in view["nodes"].items() if each["output"]}
    assert outputs == case.outputs()
    _end_once([event async for event in engine.events(execution)], case)


def _end_once(events: Sequence[Event], case: Case) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    ends = Counter(
        event.key
        for event in events
        if event.to is not None and event.to.terminal and event.before is not event.to
    )
    assert ends == Counter([START, *case.states])
    assert all(
        event.before is event.to
        for event in events
        if event.before is not None and event.before.terminal
    )
    assert sum(event.status.terminal for event in events) == 1


def _store_of(kind: str, folder: Path) -> StateStore:
    if kind == "memory":
        return MemoryStore()
    if kind == "redis":
        with shared_redis().client() as client:
            client.flushdb()
        return RedisStore(shared_redis().url)
    return SqliteStore(folder / "wf.db", durability="relaxed")


def _cases(seed: int) -> list[Case]:
    return [drawn(10 * seed), drawn(10 * seed + 1, size=60), drawn(10 * seed + 2, 10, wide=150)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
@pytest.mark.usefixtures("redis_server")
async def test_without_faults_no_sweep_heals_anything(kind: str, seed: int, tmp_path: Path) -> None:
    store = _store_of(kind, tmp_path)
    actor = Actor(store)
    cases = _cases(seed)
    async with Engine(store, handlers=[actor.handler], concurrency=20) as engine:
        ids = await _ends_as_drawn([engine], actor, cases)
        counters = engine.counters

        assert (counters.expired, counters.redispatched, counters.resumed) == (0, 0, 0)
        assert (counters.stale_results, counters.abandoned, counters.store_errors) == (0, 0, 0)
        assert actor.too_early == []
        for execution, case in zip(ids, cases, strict=True):
            await _obeys(engine, execution, case)
            for key, state in case.states.items():
                expected = (
                    min(case.failures[key] + 1, ATTEMPTS) if state != NodeState.SKIPPED else 0
                )
                assert actor.calls[execution, key] == expected


@pytest.mark.parametrize(
    ("kind", "seed"),
    [("memory", 0), ("memory", 1), ("sqlite", 2), ("sqlite", 3), ("redis", 4), ("redis", 5)],
)
@pytest.mark.usefixtures("redis_server")
async def test_under_faults_every_execution_ends_as_the_reference_says(
    kind: str, seed: int, tmp_path: Path
) -> None:
    inner = _store_of(kind, tmp_path)
    store = FaultyStore(inner, seed, _RATES)
    bus = FaultyBus(LocalBus(), seed, _BUS)
    actor = Actor(inner)
    cases = _cases(100 + seed)
    options: dict[str, Any] = {"lease_seconds": 0.6, "ready_seconds": 0.3, "concurrency": 10}
    async with Engine(store, bus=bus, handlers=[actor.handler], **options) as engine:
        ids = await _ends_as_drawn([engine], actor, cases)
        store.calm()

        assert actor.too_early == []
        for execution, case in zip(ids, cases, strict=True):
            await _obeys(engine, execution, case)
    assert set(store.counts()) == set(Fault) - {Fault.LOSE, Fault.REORDER}
    assert bus.counts()[Fault.LOSE]


async def test_a_lost_answer_is_asked_for_again_and_needs_no_sweep() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner, 1, Rates(before=0.2, after=0.3), spare=["due", "active"])
    actor = Actor(inner)
    cases = [drawn(400, 10, wide=150)]
    async with Engine(store, handlers=[actor.handler], concurrency=10) as engine:
        ids = await _ends_as_drawn([engine], actor, cases)
        store.calm()
        counters = engine.counters

        assert (counters.expired, counters.redispatched, counters.resumed) == (0, 0, 0)
        for execution, case in zip(ids, cases, strict=True):
            await _obeys(engine, execution, case)


async def test_a_store_that_cannot_be_read_is_no_failure_of_the_node_that_reads() -> None:
    attempts: list[tuple[str, int]] = []

    @handler
    async def reads(seen: str, context: NodeContext) -> str:
        await context.outputs()
        attempts.append((context.node, context.attempt))
        return seen

    store = FaultyStore(MemoryStore(), 3, Rates(before=0.5), spare=["apply", "create", "due"])
    nodes = [node(f"n{at}", "reads", "first", seen="{{ first.output.value }}") for at in range(8)]
    async with Engine(store, handlers=[reads]) as engine:
        # Nothing is at hand: every output comes from the store.
        engine._parts.runtime.outcomes._max_bytes = 0
        result = await engine.run(workflow(node("first", "reads", seen="x"), *nodes))

    assert set(result.results) == {f"n{at}" for at in range(8)}
    assert sorted(attempts) == sorted([("first", 1), *((f"n{at}", 1) for at in range(8))])


@pytest.mark.parametrize("seed", range(2))
async def test_two_engines_under_faults_end_every_execution_as_the_reference_says(
    seed: int,
) -> None:
    inner = MemoryStore()
    stores = [FaultyStore(inner, 2 * seed + at, _RATES) for at in range(2)]
    buses = [FaultyBus(LocalBus(), 2 * seed + at, _BUS) for at in range(2)]
    actor = Actor(inner)
    cases = [*_cases(200 + seed), *_cases(300 + seed)]
    options: dict[str, Any] = {"lease_seconds": 0.6, "ready_seconds": 0.3, "concurrency": 8}
    handlers = [actor.handler]
    async with (
        Engine(stores[0], bus=buses[0], handlers=handlers, **options) as one,
        Engine(stores[1], bus=buses[1], handlers=handlers, **options) as two,
    ):
        ids = await _ends_as_drawn([one, two], actor, cases)
        for store in stores:
            store.calm()

        assert actor.too_early == []
        for execution, case in zip(ids, cases, strict=True):
            await _obeys(two, execution, case)


@pytest.mark.parametrize("seed", range(2))
async def test_under_faults_nothing_starts_after_a_cancel_was_acknowledged(seed: int) -> None:
    inner = MemoryStore()
    store = FaultyStore(inner, seed, _RATES)
    bus = FaultyBus(LocalBus(), seed, _BUS)
    actor = Actor(inner)
    options: dict[str, Any] = {"lease_seconds": 0.6, "ready_seconds": 0.3, "concurrency": 10}
    async with Engine(store, bus=bus, handlers=[actor.handler], **options) as engine:
        for moment in range(8):
            case = drawn(1_000 + seed * 10 + moment, 10, wide=150)
            execution = await engine.submit(case.document, _INPUT)
            actor.knows(execution, case)
            await engine.trigger(execution)
            await asyncio.sleep(0.01 * moment)
            await engine.cancel(execution)
            acknowledged = actor.calls.total()

            result = await engine.wait(execution, 20.0)

            assert actor.calls.total() == acknowledged
            assert result.status == "CANCELLED" or moment > 0
            assert result.status.terminal
