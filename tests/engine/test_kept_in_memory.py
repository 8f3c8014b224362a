"""What an engine keeps at hand is counted for what it takes, and goes when it is too much."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.documents import node, workflow
from wfcore import Engine
from wfcore.engine.counters import Counters
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.plans import Plans
from wfcore.engine.proof import Prover
from wfcore.engine.threads import Threads
from wfcore.plugins.manager import load_plugins
from wfcore.store.contract import Halt, NodeResult
from wfcore.store.memory import MemoryStore
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits
from wfcore.workflow.states import NodeState

MANY_LISTS = '{"v":[' + ",".join(["[]"] * 100_000) + "]}"


@pytest.fixture
async def plans() -> AsyncIterator[Plans]:
    registry = load_plugins()
    threads = Threads(Counters())
    prover = Prover(registry, Templating(), Limits())
    yield Plans(prover, MemoryStore(), Limits(), threads)
    threads.close()


def heavy(at: int = 0, nodes: int = 1) -> dict[str, Any]:
    return workflow(*(node(f"n{each}", "output", value=[at] * 2_000) for each in range(nodes)))


async def test_a_parsed_output_is_counted_for_at_least_what_it_takes() -> None:
    outcomes = Outcomes(MemoryStore(), Counters(), max_bytes=2**40)
    outcomes.remember("x", 1, "a", NodeResult(NodeState.COMPLETED, MANY_LISTS, None))
    unread = outcomes._bytes
    tracemalloc.start()
    views = await outcomes.views("x", 1, ["a"])
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    again = await outcomes.views("x", 1, ["a"])

    assert again["a"] is views["a"]
    assert taken <= outcomes._bytes - unread <= 4 * taken


async def test_parsed_outputs_go_when_they_take_too_much() -> None:
    outcomes = Outcomes(MemoryStore(), Counters(), max_bytes=2_000_000)
    for key in ("a", "b"):
        outcomes.remember("x", 1, key, NodeResult(NodeState.COMPLETED, MANY_LISTS, None))
    assert len(outcomes._known) == 2

    views = await outcomes.views("x", 1, ["a", "b"])

    assert len(views["a"]["output"]["v"]) == len(views["b"]["output"]["v"]) == 100_000
    assert (len(outcomes._known), outcomes._bytes) == (0, 0)


async def test_a_document_that_is_proved_many_times_at_once_is_counted_once(plans: Plans) -> None:
    proved = await asyncio.gather(*(plans.prove(heavy(nodes=5)) for _ in range(8)))

    assert len({plan.hash for plan, _ in proved}) == 1
    assert (plans._nodes, len(plans._known)) == (5, 1)


async def test_plans_of_large_documents_make_room_for_others(
    plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plans.prove(heavy())
    one = plans._bytes
    assert one > 2_000 * 8
    monkeypatch.setattr("wfcore.engine.plans._MAX_BYTES_KEPT", 3 * one + one // 2)
    first, _ = await plans.prove(heavy())
    for at in range(1, 6):
        await plans.prove(heavy(at))
        await plans.prove(heavy())

    assert len(plans._known) == plans._nodes == 3
    assert plans._bytes <= 3 * one + one // 2
    assert (await plans.prove(heavy()))[0] is first


async def test_nothing_is_kept_of_a_halt_that_comes_after_the_end(store: str) -> None:
    async with Engine(store) as engine:
        execution = (await engine.run(workflow(node("a", "output", value=1)))).execution_id
        number = (await engine.record(execution)).number
        await engine._parts.sweeper.close_execution(execution, number, Halt.CANCEL)

        assert list(engine._parts.runtime.opened.halted) == []
