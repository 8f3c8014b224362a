"""The id of a deleted execution comes again: what was kept or read before is told from it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.engine.acting import Gate, eventually, moves_of
from tests.engine.documents import node, workflow
from wfcore import Engine, ExecutionNotFound, Status
from wfcore.engine.counters import Counters
from wfcore.engine.opened import OpenExecutions
from wfcore.engine.outcomes import Outcomes
from wfcore.store.contract import START, Filter, Halt, NodeResult, NodeResults
from wfcore.store.memory import MemoryStore
from wfcore.store.pages import in_pages
from wfcore.store.shared import is_shared
from wfcore.testing.conformance import moves
from wfcore.workflow.states import NodeState

ONCE = {"max_attempts": 1}
DONE = NodeResult(NodeState.COMPLETED, '{"value": 1}', None)


async def stored(store: MemoryStore, output: str) -> int:
    """Have an execution x whose node a COMPLETED; return its number."""
    await store.create(moves.new("x"))
    start = moves.start("x", [moves.edge("a")])
    start.output = output
    ended = moves.complete("x", "a", 11)
    ended.output = output
    await store.apply([start, moves.lease("x", "a", 11), ended])
    record = await store.read("x")
    assert record is not None
    return record.number


async def replaced(store: MemoryStore, output: str) -> int:
    await store.delete("x", 10)
    return await stored(store, output)


async def test_outcomes_are_kept_and_read_by_number() -> None:
    store = MemoryStore()
    outcomes = Outcomes(store, Counters())
    first = await stored(store, '{"value": 1}')
    assert (await outcomes.read("x", first, ["a"]))["a"].output() == {"value": 1}
    second = await replaced(store, '{"value": 2}')
    assert (await outcomes.read("x", second, ["a"]))["a"].output() == {"value": 2}
    # From memory, where it is there; nothing of the second one is taken for it.
    assert (await outcomes.read("x", first, ["a"]))["a"].output() == {"value": 1}
    for keys in ([START], ["a", START], ["nothing"]):
        with pytest.raises(ExecutionNotFound):
            await outcomes.read("x", first, keys)


async def test_what_was_read_ahead_is_of_one_execution() -> None:
    store = MemoryStore()
    opened = OpenExecutions(None, Outcomes(store, Counters()))  # type: ignore[arg-type]
    first = await stored(store, '{"input": 1}')
    opened.read_ahead(["x"])
    ahead = opened._ahead["x"]
    assert (await opened.trigger("x", first)).input == 1
    second = await replaced(store, '{"input": 2}')
    # As if the answer came only now.
    opened._ahead["x"] = ahead
    assert (await opened.trigger("x", second)).input == 2


async def test_what_was_read_ahead_of_its_start_is_read_again() -> None:
    store = MemoryStore()
    opened = OpenExecutions(None, Outcomes(store, Counters()))  # type: ignore[arg-type]
    await store.create(moves.new("x"))
    opened.read_ahead(["x"])
    ahead = opened._ahead["x"]
    await ahead
    start = moves.start("x", [moves.edge("a")])
    start.output = '{"input": 1}'
    await store.apply([start])
    record = await store.read("x")
    assert record is not None
    opened._ahead["x"] = ahead
    assert (await opened.trigger("x", record.number)).input == 1


async def test_a_halt_is_of_one_execution() -> None:
    opened = OpenExecutions(None, Outcomes(MemoryStore(), Counters()))  # type: ignore[arg-type]
    opened.halt("x", 1, Halt.CANCEL)
    assert opened.halt_of("x", 1) is Halt.CANCEL
    assert opened.halt_of("x", 2) is None
    assert opened.halt_of("y", 1) is None


async def test_results_in_pages_are_of_one_execution() -> None:
    numbers = iter([1, 2, 2, 2])

    async def read(keys: Sequence[str]) -> NodeResults:
        return NodeResults(next(numbers), dict.fromkeys(keys, DONE))

    assert await in_pages(["a", "b", "c"], 2, read) == (2, dict.fromkeys("abc", DONE))
    assert list(numbers) == []


def document(handler: str, value: int) -> Any:
    config = {"value": value} if handler == "echo" else {}
    return workflow(node("a", handler, **config, retry=ONCE), node("b", "noop", "a"))


async def test_a_retry_is_of_one_execution(engine: Engine) -> None:
    retries = []
    for value in (1, 2):
        failing = workflow(
            node("a", "echo", value=value), node("b", "boom", "a", retry=ONCE), name=f"w{value}"
        )
        await engine.start_execution(failing, execution_id="again")
        assert (await engine.wait("again")).status is Status.FAILED
        retry, _ = await engine.retry("again")
        retries.append(retry)
        view = await engine.execution((await engine.wait(retry)).execution_id)
        assert view["nodes"]["a"]["output"] == {"value": value}
        await engine.delete("again")
    assert len(set(retries)) == 2


async def test_who_follows_a_deleted_execution_hears_nothing_of_the_next_one(
    engine: Engine, gate: Gate
) -> None:
    held = workflow(node("a", "held"), node("b", "noop", "a"))
    await engine.start_execution(held, execution_id="again")
    heard = []
    async for event in engine.events("again"):
        heard.append(event)
        if len(heard) == 1:
            gate.open()
            await engine.wait("again")
            await engine.delete("again")
            await engine.start_execution(document("echo", 2), execution_id="again")
            await engine.wait("again")
    assert [event.key for event in heard][:1] == [START]
    assert len({event.at for event in heard if event.key == START}) == 1
    assert all(event.key in (START, "a", "b") for event in heard)


@pytest.mark.parametrize("value", [1, 2], ids=["another-input", "another-workflow"])
async def test_a_start_that_comes_late_starts_no_other_execution(
    engine: Engine, value: int
) -> None:
    """Between its creation and its start it was deleted, and its id came again."""
    store, submission = engine._store, engine._parts.submission
    create = submission.create

    async def replaced_meanwhile(new: Any) -> int:
        number = await create(new)
        await store.delete(new.id, 10)
        submission.create = create  # type: ignore[method-assign]
        await engine.submit(document("echo", value), {"of": 2}, execution_id=new.id)
        return number

    submission.create = replaced_meanwhile  # type: ignore[method-assign]
    with pytest.raises(ExecutionNotFound):
        await engine.start_execution(document("echo", 1), {"of": 1}, execution_id="again")
    assert (await engine.record("again")).status is Status.PENDING


async def test_what_was_due_halts_no_later_execution(engine: Engine, gate: Gate) -> None:
    await engine.run(document("echo", 1))
    await engine.start_execution(document("echo", 1), execution_id="again")
    await engine.wait("again")
    old = await engine.record("again")
    await engine.delete("again")
    await engine.start_execution(workflow(node("a", "held")), execution_id="again")
    await eventually(lambda: gate.waiting == ["a"], "a runs")
    await engine._parts.sweeper.close_execution("again", old.number, Halt.TIMEOUT)
    gate.open()
    assert (await engine.wait("again")).status is Status.COMPLETED


async def test_a_wide_start_goes_on_with_its_own_execution_alone(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = workflow(*(node(f"n{at}", "output", value=at) for at in range(300)))
    async with Engine(store) as engine:
        listed = moves_of(engine, monkeypatch)
        execution = (await engine.run(wide)).execution_id
        number = (await engine.record(execution)).number
    starts = [move for move in listed if move.key == START]
    assert [move.number for move in starts[1:]] == [number] * 2
    ends = [move for move in listed if move.to is NodeState.COMPLETED and move.key != START]
    assert {move.number for move in ends} == {number}


async def test_a_list_of_what_was_not_retried_has_the_execution_that_came_again(
    engine: Engine,
) -> None:
    for _ in range(2):
        await engine.start_execution(document("boom", 1), execution_id="again")
        await engine.wait("again")
        record = await engine.record("again")
        listed = (await engine.executions(Filter(retried=False))).records
        assert record.number in [each.number for each in listed if each.id == "again"]
        retry, _ = await engine.retry("again")
        await engine.wait(retry)
        listed = (await engine.executions(Filter(retried=True))).records
        assert [each.id for each in listed] == ["again"]
        await engine.delete("again")


async def test_who_waits_for_a_deleted_execution_is_told_so(
    engine: Engine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = workflow(node("a", "held"))
    await engine.start_execution(held, execution_id="again")
    await eventually(lambda: gate.waiting == ["a"], "a runs")
    waiting = asyncio.create_task(engine.wait("again"))
    await asyncio.sleep(0)
    with monkeypatch.context() as deaf:
        deaf.setattr(engine._parts.runtime.watchers, "notify", lambda *_, **__: None)
        await engine.cancel("again")

        async def it_ended() -> bool:
            return (await engine.record("again")).status is Status.CANCELLED

        await eventually(it_ended, "it ended")
        await engine.delete("again")
        await engine.start_execution(document("echo", 2), execution_id="again")
    if is_shared(engine._store):
        # What ends elsewhere may be unheard of: there it is the one that has the id now.
        assert (await waiting).status is Status.COMPLETED
    else:
        with pytest.raises(ExecutionNotFound):
            await waiting
