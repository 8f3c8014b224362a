"""What handlers tell their watchers while they run, and what they use."""

import asyncio
from typing import Any

import pytest

from tests.engine.acting import Gate, eventually
from tests.engine.conftest import Opening
from tests.engine.documents import node, workflow
from wfcore import Event, ExecutionFailed, Message, NodeContext, NodeError, handler


@handler
async def talks(context: NodeContext, words: int = 3) -> None:
    for number in range(words):
        context.emit("word", {"number": number})
        await asyncio.sleep(0)


@handler
def talks_from_a_thread(context: NodeContext) -> None:
    context.emit("word", "from a thread")


@handler
async def spends(context: NodeContext, failures: int = 0) -> None:
    context.meter("tokens", 5)
    context.meter("tokens", 2)
    context.meter("cost", 0.25)
    if context.attempt <= failures:
        raise NodeError("Busy", "not yet", retryable=True)


async def _watched(opening: Opening, document: Any, *handlers: Any, **how: Any) -> list[Any]:
    async with opening(*handlers) as engine:
        execution = await engine.submit(document)
        seen: list[Any] = []

        async def watch() -> None:
            seen.extend([each async for each in engine.events(execution, **how)])

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        await engine.trigger(execution)
        await asyncio.wait_for(watching, 20)
        return seen


async def test_messages_come_in_order_and_before_the_event_that_ends_their_attempt(
    opening: Opening,
) -> None:
    document = workflow(node("a", "talks"), node("b", "talks", "a"))
    seen = await _watched(opening, document, talks, transient=True)
    for key in "ab":
        own = [
            each.data["number"] if isinstance(each, Message) else str(each.to)
            for each in seen
            if each.key == key and (isinstance(each, Message) or each.to == "COMPLETED")
        ]
        assert own == [0, 1, 2, "COMPLETED"]
    assert {(each.kind, each.attempt) for each in seen if isinstance(each, Message)} == {
        ("word", 1)
    }


async def test_a_thread_can_tell_too(opening: Opening) -> None:
    document = workflow(node("a", "talks_from_a_thread"))
    seen = await _watched(opening, document, talks_from_a_thread, transient=True)
    assert [each.data for each in seen if isinstance(each, Message)] == ["from a thread"]


async def test_who_does_not_ask_for_messages_hears_events_alone(opening: Opening) -> None:
    seen = await _watched(opening, workflow(node("a", "talks")), talks)
    assert all(isinstance(each, Event) for each in seen)


async def test_messages_are_never_stored(opening: Opening) -> None:
    async with opening(talks) as engine:
        result = await engine.run(workflow(node("a", "talks")))
        again = [each async for each in engine.events(result.execution_id, transient=True)]
    assert again
    assert all(isinstance(each, Event) for each in again)


async def test_a_watcher_that_does_not_keep_up_loses_the_oldest(
    opening: Opening, gate: Gate
) -> None:
    @handler
    async def floods(context: NodeContext) -> None:
        for number in range(1_500):
            context.emit("word", number)
        await asyncio.sleep(0)

    async with opening(floods) as engine:
        document = workflow(node("first", "held"), node("a", "floods", "first"))
        execution = await engine.submit(document)
        await engine.trigger(execution)
        await eventually(lambda: gate.waiting == ["first"], "it runs")
        watching = engine.events(execution, transient=True)
        await anext(watching)
        gate.open()
        await engine.wait(execution)
        heard = [each.data async for each in watching if isinstance(each, Message)]
    assert heard == list(range(500, 1_500))


async def test_usage_is_summed_over_nodes_and_failed_attempts(opening: Opening) -> None:
    async with opening(spends) as engine:
        document = workflow(node("a", "spends", failures=2), node("b", "spends"))
        result = await engine.run(document)
        view = await engine.execution(result.execution_id)
    assert result.usage == view["usage"] == {"tokens": 28, "cost": 1.0}


async def test_what_a_failed_execution_spent_is_shown(opening: Opening) -> None:
    async with opening(spends) as engine:
        document = workflow(node("a", "spends", failures=9, retry={"max_attempts": 2}))
        with pytest.raises(ExecutionFailed) as caught:
            await engine.run(document)
        result = await engine.result(caught.value.execution_id)
    assert result.usage == {"tokens": 14, "cost": 0.5}


async def test_a_cancelled_attempt_has_spent_what_it_metered(opening: Opening, gate: Gate) -> None:
    @handler
    async def spends_and_waits(context: NodeContext) -> None:
        context.meter("tokens", 3)
        gate.waiting.append(context.node)
        await asyncio.Event().wait()

    async with opening(spends_and_waits) as engine:
        execution = await engine.submit(workflow(node("a", "spends_and_waits")))
        await engine.trigger(execution)
        await eventually(lambda: gate.waiting == ["a"], "it runs")
        await engine.cancel(execution)
        result = await engine.wait(execution)
    assert (str(result.status), result.usage) == ("CANCELLED", {"tokens": 3})


async def test_an_execution_that_used_nothing_shows_no_usage(opening: Opening) -> None:
    async with opening() as engine:
        result = await engine.run(workflow(node("a")))
        assert "usage" not in await engine.execution(result.execution_id)
    assert result.usage == {}


async def test_an_amount_that_is_no_number_fails_its_attempt(opening: Opening) -> None:
    @handler
    async def miscounts(context: NodeContext) -> None:
        context.meter("tokens", float("nan"))

    async with opening(miscounts) as engine:
        document = workflow(node("a", "miscounts", retry={"max_attempts": 1}))
        with pytest.raises(ExecutionFailed, match="ValueError: nan is no amount of 'tokens'"):
            await engine.run(document)
