"""What one engine leaves open, another one goes on with."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.engine.acting import DEADLINE, Gate, Recorder, echo, eventually, noop
from tests.engine.conftest import QUICK
from tests.engine.documents import node, workflow
from wfcore import DocumentRefused, Engine, Status, handler
from wfcore.bus.local import LocalBus
from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.plugins.handler import HandlerLike
from wfcore.store.memory import MemoryStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/wf.db"


def engine_on(store: Any, *handlers: HandlerLike, **options: Any) -> Engine:
    defaults: dict[str, Any] = {"retry": QUICK, "drain_seconds": 0.0, "durability": "relaxed"}
    return Engine(store, handlers=[noop, *handlers], **(defaults | options))


async def test_closing_gives_running_nodes_back_uncharged_and_the_next_engine_goes_on(
    url: str, gate: Gate, recorder: Recorder
) -> None:
    document = workflow(
        *(node(f"h{at}", "held") for at in range(3)), node("end", "work", "h0", "h1", "h2")
    )
    async with engine_on(url, gate.held, recorder.handler) as first:
        execution = await first.submit(document)
        await first.trigger(execution)
        await eventually(lambda: len(gate.waiting) == 3, "all nodes run")
    gate.open()

    async with engine_on(url, gate.held, recorder.handler) as second:
        result = await second.wait(execution, DEADLINE)
        touched = await second._store.nodes(execution, "", 10)
        events = [event async for event in second.events(execution)]

        assert result.status is Status.COMPLETED
        assert {
            each.key: (each.failures, each.lost) for each in touched if each.key != "@start"
        } == (dict.fromkeys(("h0", "h1", "h2", "end"), (0, 0)))
        assert second.counters.expired == 0
    released = [event.detail for event in events if event.to == "READY"]
    assert released[:3] == [{"released": "the worker is stopping"}] * 3


async def test_closing_lets_running_nodes_end_within_the_grace(url: str, gate: Gate) -> None:
    async with engine_on(url, gate.held, drain_seconds=10.0) as first:
        execution = await first.submit(workflow(node("a", "held"), node("b", "noop", "a")))
        await first.trigger(execution)
        await eventually(lambda: gate.waiting == ["a"], "the node runs")
        asyncio.get_running_loop().call_later(0.05, gate.open)

    async with engine_on(url, gate.held) as second:
        assert (await second.wait(execution, DEADLINE)).status is Status.COMPLETED
    assert gate.waiting == ["a"]


async def test_closing_at_random_moments_loses_nothing_and_runs_nothing_twice_to_its_end(
    url: str,
) -> None:
    ended: list[str] = []

    @handler
    async def counts(label: str) -> None:
        await asyncio.sleep(0.002)
        ended.append(label)

    nodes = [node(f"n{at}", "counts", label=f"n{at}") for at in range(100)]
    nodes.append(node("end", "counts", *(each["id"] for each in nodes), label="end"))
    async with engine_on(url, counts, concurrency=5) as engine:
        execution = await engine.submit(workflow(*nodes))
        await engine.trigger(execution)
    for moment in range(8):
        async with engine_on(url, counts, concurrency=5):
            await asyncio.sleep(0.002 * moment)
    async with engine_on(url, counts, concurrency=5) as engine:
        assert (await engine.wait(execution, DEADLINE)).status is Status.COMPLETED
        touched = await engine._store.nodes(execution, "", 200)

        assert {(each.failures, each.lost) for each in touched} == {(0, 0)}
    assert len(ended) == len(set(ended)) == 101
    assert ended[-1] == "end"


async def test_an_execution_whose_plugin_is_missing_waits_and_goes_on_when_it_is_back(
    url: str, gate: Gate, recorder: Recorder
) -> None:
    document = workflow(node("a", "held"), node("b", "work", "a"), labels={"l": "1"})
    async with engine_on(url, gate.held, recorder.handler) as first:
        waits = await first.submit(document)
        gone = await first.submit(document)
        done = (await first.run(workflow(node("w", "work")))).execution_id
        await first.trigger(waits)
        await first.trigger(gone)
        await eventually(lambda: len(gate.waiting) == 2, "both run")

    async with engine_on(url) as without:
        # It can be read and cancelled, and others run.
        assert (await without.run(workflow(node("c")))).status is Status.COMPLETED
        nodes = (await without.execution(waits))["nodes"]
        assert {key: each["state"] for key, each in nodes.items()} == {"a": "READY", "b": "PENDING"}
        assert (await without.results(done))["results"]["aggregated_results"] == {"w": {"value": 1}}
        assert (await without.result(waits)).status is Status.RUNNING
        assert await without.cancel(gone) is Status.CANCELLED
        with pytest.raises(DocumentRefused):
            await without.trigger(waits, {"b": {"failures": 1}})

    gate.open()
    async with engine_on(url, gate.held, recorder.handler) as back:
        assert (await back.wait(waits, DEADLINE)).status is Status.COMPLETED
        assert (await back.result(gone)).status is Status.CANCELLED


async def test_what_nobody_here_can_run_does_not_hide_what_can_be_run(
    url: str, recorder: Recorder
) -> None:
    stuck = workflow(*(node(f"n{at}", "work", when="{{ true }}") for at in range(450)))
    async with engine_on(url, recorder.handler, concurrency=1) as first:
        await first.trigger(await first.submit(stuck))

    retry = {"max_attempts": 2, "initial_interval": 0.01}
    failing = handler("fails_once")(_fails_once)
    async with engine_on(url, failing) as second:
        result = await second.run(workflow(node("a", "fails_once", retry=retry)))

        assert result.results == {"a": {"value": "second time"}}


_failed: list[int] = []


async def _fails_once() -> str:
    if not _failed:
        _failed.append(1)
        raise RuntimeError("first time")
    return "second time"


async def test_a_plan_that_became_unusable_puts_its_nodes_off_without_a_charge(
    url: str, recorder: Recorder, gate: Gate
) -> None:
    """The document still is sound; what the trigger replaced in it no longer is."""

    @handler("shape")
    async def takes_two(a: int = 1, b: int = 2) -> int:
        return a + b

    @handler("shape")
    async def takes_one(a: int = 1) -> int:
        return a

    document = workflow(node("held", "held"), node("n", "shape", "held"))
    async with engine_on(url, takes_two, gate.held) as first:
        execution = await first.submit(document)
        await first.trigger(execution, {"n": {"b": 5}})
        await eventually(lambda: gate.waiting == ["held"], "the node before runs")

    gate.open()
    async with engine_on(url, takes_one, gate.held) as second:

        async def is_put_off() -> bool:
            nodes = (await second.execution(execution))["nodes"]
            return bool(nodes["held"]["state"] == "WAITING")

        await eventually(is_put_off, "the node is put off")
        other = await second.run(workflow(node("c", "shape")))
        assert other.status is Status.COMPLETED

    async with engine_on(url, takes_two, gate.held) as third:
        result = await third.wait(execution, DEADLINE)
        assert result.results == {"n": {"value": 6}}


async def test_two_engines_on_one_store_share_its_executions(recorder: Recorder) -> None:
    store = MemoryStore()
    nodes = [node(f"n{at}", "work") for at in range(50)]
    document = workflow(*nodes, node("end", "work", *(each["id"] for each in nodes)))
    async with (
        engine_on(store, recorder.handler, bus=LocalBus(), concurrency=3) as one,
        engine_on(store, recorder.handler, bus=LocalBus(), concurrency=3) as two,
    ):
        ids = [await one.submit(document) for _ in range(4)]
        for at, execution in enumerate(ids):
            await (one if at % 2 else two).trigger(execution)

        results = [await (two if at % 2 else one).wait(ids[at], DEADLINE) for at in range(4)]

        assert {result.status for result in results} == {Status.COMPLETED}
        assert len(recorder.started) == 4 * 51
        assert one.counters.taken + one.counters.kept > 0
        assert two.counters.taken + two.counters.kept > 0


async def test_what_one_engine_dropped_another_one_takes_over(
    gate: Gate, recorder: Recorder
) -> None:
    store = MemoryStore()
    one = engine_on(store, gate.held, recorder.handler, bus=LocalBus(), lease_seconds=0.3)
    two = engine_on(store, gate.held, recorder.handler, bus=LocalBus(), lease_seconds=0.3)
    async with two:
        async with one:
            execution = await one.submit(workflow(node("a", "held"), node("b", "work", "a")))
            await one.trigger(execution)
            await eventually(lambda: gate.waiting == ["a"], "the node runs")
            # The process freezes for good: no heartbeat, no result.
            one._parts.heart._stopped.set()
            one._parts.worker.held._attempts.clear()
            gate_opened_by_the_other = asyncio.create_task(_open_when_taken_over(gate))
            result = await two.wait(execution, DEADLINE)
            await gate_opened_by_the_other

        assert result.status is Status.COMPLETED
        assert two.counters.expired == 1
        assert recorder.started == ["b"]


async def _open_when_taken_over(gate: Gate) -> None:
    await eventually(lambda: len(gate.waiting) == 2, "the other engine runs the node")
    gate.open()


async def test_many_overrides_are_put_over_the_plan_in_a_thread_and_once_per_process(
    url: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[threading.Thread] = []
    override = Prover.override

    def noted(*given: Any, **options: Any) -> Plan:
        inside.append(threading.current_thread())
        return override(*given, **options)

    monkeypatch.setattr(Prover, "override", noted)
    keys = [f"h{at}" for at in range(5)]
    document = workflow(*(node(key, "held") for key in keys), node("end", "echo", *keys, value=[]))
    async with engine_on(url, gate.held, echo) as first:
        execution = await first.submit(document)
        await first.trigger(execution, {"end": {"value": [0] * 2_000}})
        await eventually(lambda: len(gate.waiting) == 5, "all nodes run")
    gate.open()
    async with engine_on(url, gate.held, echo) as second:
        result = await second.wait(execution, DEADLINE)

    assert result.results == {"end": {"value": [0] * 2_000}}
    assert len(inside) == 2
    assert threading.main_thread() not in inside
