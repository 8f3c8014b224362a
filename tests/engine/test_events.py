"""The events of an execution: without gaps, and enough to know every state from."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from tests.engine.acting import Gate, Recorder, eventually
from tests.engine.conftest import Opening
from tests.engine.documents import fan, node, workflow
from wfcore import Engine, Event, NodeContext, handler
from wfcore.store.contract import START


async def collected(engine: Engine, execution: str, after: int = 0) -> list[Event]:
    async with asyncio.timeout(20):
        return [event async for event in engine.events(execution, after)]


def folded(events: Sequence[Event]) -> dict[str, str]:
    """Replay the events: each begins where the one before left its node."""
    states: dict[str, str] = {}
    for event in events:
        if not event.key:
            continue
        assert states.get(event.key, "PENDING") == str(event.before or "PENDING"), event
        states[event.key] = str(event.to)
        states |= dict.fromkeys(event.fired, "READY")
        states |= dict.fromkeys(event.kept, "RUNNING")
    return states


async def test_events_have_no_gaps_and_fold_to_the_final_states(
    engine: Engine, recorder: Recorder
) -> None:
    document = fan(300, "work")
    document["dag"]["nodes"] += [
        node("retried", "work", "root", failures=2),
        node("skipped", "work", "root", when=False),
        node("after", "work", "skipped"),
        node("bad", "boom", "root"),
        node("late", "work", "bad", "retried", join="all_done"),
    ]
    execution = await engine.submit(document)
    await engine.trigger(execution)

    events = await collected(engine, execution)

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    view = (await engine.execution(execution))["nodes"]
    states = folded(events)
    assert states.pop(START) == "COMPLETED"
    assert states == {key: each["state"] for key, each in view.items()}
    assert [event.status.terminal for event in events] == [False] * (len(events) - 1) + [True]
    assert (await engine.record(execution)).seq == len(events)


async def test_several_watchers_see_the_same_from_wherever_they_begin(
    engine: Engine, gate: Gate
) -> None:
    document = workflow(node("a", "held"), node("b", "noop", "a"))
    execution = await engine.submit(document)
    early = [asyncio.create_task(collected(engine, execution)) for _ in range(3)]
    waits = [asyncio.create_task(engine.wait(execution)) for _ in range(3)]
    await engine.trigger(execution)
    await eventually(lambda: gate.waiting == ["a"], "the node runs")
    midway = asyncio.create_task(collected(engine, execution, after=1))
    gate.open()

    streams = await asyncio.gather(*early)
    results = await asyncio.gather(*waits)
    late = await collected(engine, execution)

    assert streams == [late] * 3
    assert await midway == late[1:]
    assert {result.status for result in results} == {"COMPLETED"}
    assert engine._parts.runtime.watchers._waiting == {}


async def test_resuming_after_the_last_event_of_an_ended_execution_ends(engine: Engine) -> None:
    execution = (await engine.run(workflow(node("a")))).execution_id
    events = await collected(engine, execution)

    assert await collected(engine, execution, after=events[-1].seq) == []


async def test_events_carry_errors_retries_reasons_and_the_nodes_log(opening: Opening) -> None:
    @handler
    async def talks(context: NodeContext) -> int:
        context.logger.info("attempt %d", context.attempt)
        if context.attempt == 1:
            raise ValueError("not yet")
        return 1

    document = workflow(node("a", "talks"), node("bad", "boom"), node("no", "noop", when=False))
    async with opening(talks) as engine:
        execution = await engine.submit(document)
        await engine.trigger(execution)
        events = await collected(engine, execution)

    details = {(event.key, str(event.to)): event.detail or {} for event in events}
    assert details["a", "WAITING"]["error"]["type"] == "ValueError"
    assert details["a", "WAITING"]["retry_in_ms"] >= 0
    assert details["a", "WAITING"]["log"] == ["INFO attempt 1"]
    assert details["a", "COMPLETED"]["log"] == ["INFO attempt 2"]
    assert details["bad", "FAILED"]["error"]["message"] == "as asked"
    assert details["no", "SKIPPED"] == {"reason": "when is false"}


async def test_a_nodes_lines_reach_the_process_log_with_their_place(
    opening: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    @handler
    async def talks(context: NodeContext) -> None:
        context.logger.info("quiet")
        context.logger.warning("loud")

    async with opening(talks) as engine:
        result = await engine.run(workflow(node("a", "talks")))

    [record] = [each for each in caplog.records if each.name == "wfcore.node.a"]
    assert record.getMessage() == "loud"
    assert vars(record)["execution"] == result.execution_id
    assert record.levelno == logging.WARNING


async def test_progress_is_shown_while_the_node_runs(opening: Opening) -> None:
    goes_on = asyncio.Event()

    @handler
    async def steps(context: NodeContext) -> None:
        context.progress(0.5, "half")
        await goes_on.wait()

    async with opening(steps) as engine:
        execution = await engine.submit(workflow(node("a", "steps")))
        await engine.trigger(execution)
        await eventually(
            lambda: engine.progress(execution) == {"a": (0.5, "half")}, "progress is shown"
        )
        goes_on.set()
        await engine.wait(execution)

        assert engine.progress(execution) == {}


async def test_notices_stand_on_the_result_each_once(opening: Opening) -> None:
    @handler
    async def tells(text: str, context: NodeContext) -> None:
        context.notice(text)

    nodes = [node(f"n{at}", "tells", text=f"notice {at % 3}") for at in range(9)]
    async with opening(tells) as engine:
        result = await engine.run(workflow(*nodes))

    assert sorted(result.notices) == ["notice 0", "notice 1", "notice 2"]
