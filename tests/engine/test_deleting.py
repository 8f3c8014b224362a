"""Deleting executions, when told to and after their retention."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from tests.engine.acting import Gate, eventually
from tests.engine.conftest import Opening
from tests.engine.documents import node, workflow
from wfcore import Conflict, Engine, ExecutionNotFound, NodeError, Status, handler
from wfcore.engine.views import execution_view, read_result

ONCE = {"max_attempts": 1}


async def ids(engine: Engine) -> list[str]:
    return [record.id for record in (await engine.executions()).records]


async def test_a_deleted_execution_is_unknown(engine: Engine) -> None:
    done = (await engine.run(workflow(node("a")))).execution_id
    other = (await engine.run(workflow(node("a")))).execution_id
    await engine.delete(done)
    for asked in (engine.execution, engine.result, engine.delete, engine.record, engine.cancel):
        with pytest.raises(ExecutionNotFound):
            await asked(done)
    assert await ids(engine) == [other]
    assert (await engine.result(other)).status is Status.COMPLETED


async def test_what_has_not_ended_is_not_deleted(engine: Engine, gate: Gate) -> None:
    pending = await engine.submit(workflow(node("a")))
    running, _ = await engine.start_execution(workflow(node("a", "held")))
    for execution in (pending, running):
        with pytest.raises(Conflict) as refused:
            await engine.delete(execution)
        assert refused.value.problem.code == "delete.open"
    gate.open()
    assert (await engine.wait(running)).status is Status.COMPLETED


async def test_what_an_open_retry_reuses_is_not_deleted(engine: Engine, gate: Gate) -> None:
    document = workflow(node("a"), node("b", "held", "a"))
    old, _ = await engine.start_execution(document)
    await eventually(lambda: gate.waiting == ["b"], "b runs")
    await engine.cancel(old)
    await engine.wait(old)
    new, _ = await engine.retry(old)
    with pytest.raises(Conflict) as refused:
        await engine.delete(old)
    assert refused.value.problem.code == "delete.in_use"
    gate.open()
    await engine.wait(new)
    await engine.delete(old)
    assert await ids(engine) == [new]


async def test_a_large_execution_goes_whole(engine: Engine) -> None:
    nodes = [node(f"n{number}", "echo", value=number) for number in range(1_200)]
    large = (await engine.run(workflow(*nodes))).execution_id
    await engine.delete(large)
    assert await ids(engine) == []
    assert await engine._store.past(2**53, 10) == []


async def test_old_executions_go_and_so_do_those_never_triggered(
    opening: Opening, gate: Gate
) -> None:
    async with opening(retention_seconds=0.3) as engine:
        done = (await engine.run(workflow(node("a")))).execution_id
        pending = await engine.submit(workflow(node("b")))
        running, _ = await engine.start_execution(workflow(node("c", "held")))
        assert set(await ids(engine)) == {done, pending, running}

        async def only_one_is_left() -> bool:
            return await ids(engine) == [running]

        await eventually(only_one_is_left, "old executions are gone")
        gate.open()
        assert (await engine.wait(running)).status is Status.COMPLETED
        with pytest.raises(ExecutionNotFound):
            await engine.trigger(pending)


async def test_without_retention_everything_stays(opening: Opening) -> None:
    async with opening() as engine:
        done = (await engine.run(workflow(node("a")))).execution_id
        await asyncio.sleep(0.3)
        await engine._parts.retention.sweep()
        assert await ids(engine) == [done]


async def test_what_stays_in_use_keeps_nothing_else_from_going(
    opening: Opening, gate: Gate
) -> None:
    async with opening() as engine:
        document = workflow(node("a"), node("b", "held", "a"))
        old, _ = await engine.start_execution(document)
        await eventually(lambda: gate.waiting == ["b"], "b runs")
        await engine.cancel(old)
        await engine.wait(old)
        new, _ = await engine.retry(old)
        others = [(await engine.run(workflow(node("a")))).execution_id for _ in range(3)]
        await engine._parts.retention.sweep(0)
        left = await ids(engine)
        assert set(left) == {old, new}
        assert not set(left) & set(others)
        gate.open()
        await engine.wait(new)


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1d"])
async def test_a_retention_that_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="retention_seconds"):
        Engine(retention_seconds=wrong)


async def test_an_id_that_comes_again_stands_for_the_new_execution_alone(engine: Engine) -> None:
    """Ids are worked out from idempotency keys: one that was deleted may come again."""

    def document(value: int) -> Any:
        return workflow(
            node("a", "echo", value=value), node("b", "echo", "a", value="{{ a.output.value }}")
        )

    for value in (1, 2):
        await engine.start_execution(document(value), execution_id="again")
        assert (await engine.wait("again")).results == {"b": {"value": value}}
        assert (await engine.execution("again"))["nodes"]["a"]["output"] == {"value": value}
        await engine.delete("again")


@pytest.mark.parametrize("first", ["echo", "boom"])
@pytest.mark.parametrize("second", ["echo", "boom"])
async def test_who_began_to_read_a_deleted_execution_reads_nothing_of_the_next_one(
    engine: Engine, first: str, second: str
) -> None:
    def document(name: str, value: int) -> Any:
        config = {"value": value} if name == "echo" else {}
        return workflow(node("a", name, **config, retry=ONCE), node("b", "noop", "a"))

    await engine.start_execution(document(first, 1), execution_id="again")
    whole = await engine.wait("again")
    old = await engine.record("again")
    await engine.delete("again")
    await engine.start_execution(document(second, 2), execution_id="again")
    await engine.wait("again")
    new = await engine.record("again")
    reader, nodes = engine._parts.reader, engine._parts.reader._nodes
    outline = await reader._outline(new)
    with suppress(ExecutionNotFound):
        # What the process still has in memory is of the old one, too.
        outcomes = engine._parts.runtime.outcomes
        assert await read_result(engine._store, outcomes, old, outline) == whole
    for reading in (execution_view(engine._store, old, outline), nodes.view(old, "a")):
        with pytest.raises(ExecutionNotFound):
            await reading
    assert (await reader.result(new)).status is new.status


class Storm:
    """Does to five ids whatever can be done to them, and holds every answer to one execution."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.mixed: list[tuple[int, int]] = []

        @handler
        async def shaky(value: int, own: int, chance: float) -> dict[str, int]:
            if value != own:
                self.mixed.append((value, own))
            if self.dice.random() < chance:
                raise NodeError("Unlucky", "try again")
            return {"value": value}

        self.handler = shaky

    async def act(self, engine: Engine) -> None:
        value = self.dice.randrange(10)
        name = f"x{value // 2}"
        chance = self.dice.random()
        if chance < 0.4:
            execution, _ = await engine.start_execution(self.document(value), execution_id=name)
            await self.awaited(engine, execution, value)
        elif chance < 0.7:
            execution, _ = await engine.retry(name)
            await self.awaited(engine, execution, value)
        elif chance < 0.85:
            await engine.delete(name)
        elif chance < 0.9:
            await engine.cancel(name)
        else:
            nodes = (await engine.execution(name))["nodes"]
            assert set(nodes) == {"a", "b", "c"}
            values = [each["output"]["value"] for each in nodes.values() if each["output"]]
            assert len(set(values)) <= 1
            await engine.node(name, "b")

    def document(self, value: int) -> Any:
        return workflow(
            node("a", "shaky", value=value, own=value, chance=0),
            node(
                "b", "shaky", "a", value="{{ a.output.value }}", own=value, chance=0.5, retry=ONCE
            ),
            node("c", "shaky", "b", value="{{ b.output.value }}", own=value, chance=0),
        )

    async def awaited(self, engine: Engine, execution: str, value: int) -> None:
        result = await engine.wait(execution, timeout=10)
        assert result.status.terminal
        if result.status is Status.COMPLETED:
            # One of the two documents that this id may stand for.
            assert result.results in [{"c": {"value": value}}, {"c": {"value": value ^ 1}}]


async def test_deleting_starting_retrying_and_reading_at_once_mix_nothing_up(
    opening: Opening,
) -> None:
    """Whoever reads an id gets one execution, whole, or is told that there is none."""
    storm = Storm(5)

    async def actor(engine: Engine) -> None:
        for _ in range(8):
            with suppress(Conflict, ExecutionNotFound):
                await storm.act(engine)

    async with opening(storm.handler, retention_seconds=0.5) as engine:
        await asyncio.gather(*(actor(engine) for _ in range(25)))
        assert engine.counters.redispatched == 0
    assert storm.mixed == []
