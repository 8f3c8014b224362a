"""Slots: never more handlers at a time than asked for, and none lost to a caller that left."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.engine.documents import node, workflow
from wfcore import Engine, handler
from wfcore.engine import decide as deciding
from wfcore.engine.decide import Terms
from wfcore.store.contract import Edge, EdgeKind, Lease


@pytest.mark.parametrize("concurrency", [1, 2, 3])
async def test_no_more_handlers_run_at_a_time_than_asked_for(concurrency: int) -> None:
    running = most = 0

    @handler
    async def work(ms: float) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(ms / 1000)
        running -= 1

    dice = random.Random(concurrency)

    def drawn(count: int) -> dict[str, object]:
        nodes = []
        for index in range(count):
            earlier = [f"n{each}" for each in range(index)]
            before = dice.sample(earlier, min(index, dice.choice([0, 1, 1, 2, 4])))
            nodes.append(node(f"n{index}", "work", *before, ms=dice.choice([0, 0, 1, 3])))
        return workflow(*nodes)

    async with Engine(handlers=[work], concurrency=concurrency) as engine:
        await asyncio.gather(*(engine.run(drawn(dice.choice([3, 10, 40]))) for _ in range(12)))
    assert most == concurrency


@pytest.mark.parametrize("store", ["memory://", "sqlite"])
async def test_a_caller_that_gives_up_waiting_leaves_the_engine_whole(
    store: str, tmp_path: Path
) -> None:
    @handler
    async def nothing() -> None:
        return

    document = workflow(node("a", "nothing"), node("b", "nothing", "a"))
    url = f"sqlite:///{tmp_path}/wf.db" if store == "sqlite" else store
    dice = random.Random(1)
    async with Engine(url, handlers=[nothing], concurrency=2) as engine:
        for _ in range(60):
            execution_id = await engine.submit(document)
            asking = asyncio.create_task(engine.trigger(execution_id))
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            # Whether it had begun or not: it can be triggered, and it ends.
            await engine.trigger(execution_id)
            await engine.wait(execution_id, 10)
            assert (await engine.record(execution_id)).status == "COMPLETED"


async def test_a_wide_failure_reads_each_edge_once(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = 0
    replace = Edge._replace

    def counted(edge: Edge, **changes: Any) -> Edge:
        nonlocal replaced
        replaced += 1
        return replace(edge, **changes)

    monkeypatch.setattr(Edge, "_replace", counted)
    width = 1_000
    nodes = [node("a", "output"), *(node(f"b{i}", "output", "a") for i in range(width))]
    async with Engine() as engine:
        plan, _ = await engine._parts.runtime.plans.prove(workflow(*nodes))
    held = Lease("x", "a", 11, 1, 0, 0, 1, 0, 0, 0, 1)
    move = deciding.decide(plan, held, deciding.Skipped("because"), Terms(), 12, 0.5)
    counted_kinds = []
    following: object = move
    while following is not None:
        counted_kinds += [edge.kind for edge in move.edges]
        following = deciding.next_chunk(plan, move, Terms())
        move = following or move
    assert counted_kinds == [EdgeKind.SKIPPED] * width
    assert replaced == width
