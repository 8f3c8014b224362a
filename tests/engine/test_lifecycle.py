"""An engine is started once, closed once, and says so when it is used otherwise."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.engine.documents import node, workflow
from wfcore import Engine, EngineNotOpen, handler

USES: list[Callable[[Engine], Awaitable[Any]]] = [
    lambda engine: engine.check(workflow(node("a", "output"))),
    lambda engine: engine.submit(workflow(node("a", "output"))),
    lambda engine: engine.trigger("x"),
    lambda engine: engine.run(workflow(node("a", "output"))),
    lambda engine: engine.wait("x"),
    lambda engine: engine.result("x"),
    lambda engine: engine.execution("x"),
    lambda engine: engine.cancel("x"),
    lambda engine: anext(engine.events("x")),
]


@pytest.mark.parametrize("use", USES)
async def test_before_its_start_and_after_its_end_an_engine_says_that_it_is_not_open(
    use: Callable[[Engine], Awaitable[Any]],
) -> None:
    engine = Engine()
    with pytest.raises(EngineNotOpen, match="has not been started"):
        await use(engine)
    await engine.start()
    await engine.close()
    with pytest.raises(EngineNotOpen, match="is closed"):
        await use(engine)


async def test_an_engine_is_started_once_and_may_be_closed_twice() -> None:
    engine = Engine()
    await engine.close()
    await engine.start()
    with pytest.raises(EngineNotOpen, match="once"):
        await engine.start()
    assert (await engine.run(workflow(node("a", "output", value=1)))).results == {"a": 1}
    await engine.close()
    await engine.close()
    with pytest.raises(EngineNotOpen, match="once"):
        await engine.start()


async def test_who_waits_while_the_engine_closes_is_told() -> None:
    @handler
    async def long() -> None:
        await asyncio.sleep(60)

    engine = Engine(handlers=[long], drain_seconds=0)
    await engine.start()
    execution_id = await engine.submit(workflow(node("a", "long")))
    await engine.trigger(execution_id)
    waiting = asyncio.create_task(engine.wait(execution_id))
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineNotOpen):
        await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": -1},
        {"concurrency": "4"},
        {"concurrency": True},
        {"durability": "nope"},
        {"lease_seconds": 0},
        {"lease_seconds": -1},
        {"lease_seconds": float("nan")},
        {"ready_seconds": 0},
        {"drain_seconds": -1},
    ],
)
def test_what_an_engine_cannot_work_with_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Engine(**wrong)


async def test_an_engine_closes_whatever_its_loops_have_just_heard() -> None:
    for turns in range(6):
        engine = Engine()
        await engine.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        engine._parts.runtime.due_sooner.set()
        await asyncio.wait_for(engine.close(), 5)
