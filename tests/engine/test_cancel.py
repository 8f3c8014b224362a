"""Cancelling: once it is acknowledged nothing starts, and everything ends."""

import asyncio
from typing import Any

import pytest

from tests.engine.acting import Gate, Recorder, eventually
from tests.engine.conftest import Opening
from tests.engine.documents import node, workflow
from wfcore import Conflict, Engine, Status, handler
from wfcore.bus.local import LocalBus
from wfcore.store.memory import MemoryStore


async def nodes_of(engine: Engine, execution: str) -> dict[str, str]:
    view = await engine.execution(execution)
    return {key: node["state"] for key, node in view["nodes"].items()}


async def test_a_pending_execution_is_cancelled_at_once_and_cannot_be_started(
    engine: Engine, recorder: Recorder
) -> None:
    execution = await engine.submit(workflow(node("a", "work")))

    assert await engine.cancel(execution) is Status.CANCELLED
    with pytest.raises(Conflict, match="cannot be started"):
        await engine.trigger(execution)

    assert recorder.started == []
    assert await nodes_of(engine, execution) == {"a": "CANCELLED"}


async def test_running_nodes_are_interrupted_and_open_ones_never_start(
    engine: Engine, gate: Gate, recorder: Recorder
) -> None:
    document = workflow(
        node("done"), node("open", "held", "done"), node("next", "work", "open"), node("b", "held")
    )
    execution = await engine.submit(document)
    await engine.trigger(execution)
    await eventually(lambda: len(gate.waiting) == 2, "both nodes run")

    await engine.cancel(execution)
    result = await engine.wait(execution)

    assert result.status is Status.CANCELLED
    assert result.message == "The execution was cancelled."
    assert await nodes_of(engine, execution) == {
        "done": "COMPLETED",
        "open": "CANCELLED",
        "next": "CANCELLED",
        "b": "CANCELLED",
    }
    assert (gate.ended, recorder.started) == ([], [])
    error = (await engine.execution(execution))["nodes"]["open"]["error"]
    assert (error["type"], error["retryable"]) == ("Cancelled", False)


async def test_retries_that_wait_are_cancelled(engine: Engine, recorder: Recorder) -> None:
    retry = {"max_attempts": 5, "initial_interval": 600, "jitter": False}
    document = workflow(*(node(f"n{at}", "work", failures=9, retry=retry) for at in range(3)))
    execution = await engine.submit(document)
    await engine.trigger(execution)

    async def all_wait() -> bool:
        return set((await nodes_of(engine, execution)).values()) == {"WAITING"}

    await eventually(all_wait, "all retries wait")
    assert await engine.cancel(execution) is Status.CANCELLED
    assert set((await nodes_of(engine, execution)).values()) == {"CANCELLED"}
    assert len(recorder.started) == 3


async def test_nothing_starts_after_a_cancelled_fan_out_of_a_thousand(opening: Opening) -> None:
    started: list[str] = []

    @handler
    async def brief() -> None:
        started.append("")
        await asyncio.sleep(0.001)

    leaves = [node(f"leaf{at}", "brief", "root") for at in range(1_000)]
    async with opening(brief, concurrency=8) as engine:
        execution = await engine.submit(workflow(node("root"), *leaves))
        await engine.trigger(execution)
        await eventually(lambda: len(started) >= 50, "some of the leaves ran")

        await engine.cancel(execution)
        acknowledged = len(started)
        result = await engine.wait(execution)

        assert len(started) == acknowledged < 1_000
        assert result.status is Status.CANCELLED
        states = await nodes_of(engine, execution)
        assert set(states.values()) == {"COMPLETED", "CANCELLED"}
        # What was under way when the cancel came was interrupted, or ended by itself.
        assert list(states.values()).count("COMPLETED") <= acknowledged + 1


async def test_an_attempt_that_fails_while_it_is_cancelled_ends_at_once(opening: Opening) -> None:
    @handler
    async def stubborn() -> None:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            raise RuntimeError("failed instead") from None

    async with opening(stubborn) as engine:
        execution = await engine.submit(workflow(node("a", "stubborn")))
        await engine.trigger(execution)
        await eventually(lambda: _runs(engine, execution), "the node runs")

        await engine.cancel(execution)

        assert (await engine.wait(execution)).status is Status.CANCELLED
        assert engine.counters.expired == 0


async def test_a_failure_that_meets_the_cancel_in_the_store_does_not_wait_for_its_lease(
    opening: Opening,
) -> None:
    """Many failing nodes and a cancel at a random moment: none may be left to its lease."""

    @handler
    async def fails(at: int) -> None:
        await asyncio.sleep(0.0005 * at)
        raise RuntimeError("again")

    retry = {"max_attempts": 1_000, "initial_interval": 0.001}
    document = workflow(*(node(f"n{at}", "fails", at=at, retry=retry) for at in range(20)))
    async with opening(fails, lease_seconds=60.0) as engine:
        for round_ in range(10):
            execution = await engine.submit(document)
            await engine.trigger(execution)
            await asyncio.sleep(0.003 * round_)
            await engine.cancel(execution)

            assert (await engine.wait(execution, 10.0)).status is Status.CANCELLED


async def test_cancelling_again_or_too_late_changes_nothing(engine: Engine) -> None:
    done = (await engine.run(workflow(node("a")))).execution_id
    cancelled = await engine.submit(workflow(node("a")))
    await engine.cancel(cancelled)

    assert await engine.cancel(done) is Status.COMPLETED
    assert await engine.cancel(cancelled) is Status.CANCELLED


async def test_another_engine_hears_of_a_cancel_by_its_heartbeat(
    gate: Gate, recorder: Recorder
) -> None:
    store = MemoryStore()
    options: dict[str, Any] = {"handlers": [gate.held, recorder.handler], "lease_seconds": 0.3}
    async with (
        Engine(store, bus=LocalBus(), **options) as runs,
        Engine(store, bus=LocalBus(), **options) as cancels,
    ):
        execution = await runs.submit(workflow(node("a", "held"), node("b", "work", "a")))
        await runs.trigger(execution)
        await eventually(lambda: gate.waiting == ["a"], "the node runs")

        assert await cancels.cancel(execution) is Status.RUNNING
        assert (await cancels.wait(execution, 10.0)).status is Status.CANCELLED

        assert (gate.ended, recorder.started) == ([], [])


def _runs(engine: Engine, execution: str) -> Any:
    async def asked() -> bool:
        return "RUNNING" in (await nodes_of(engine, execution)).values()

    return asked()
