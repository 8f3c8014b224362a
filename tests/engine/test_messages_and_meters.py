"""What handlers tell their watchers while they run, and what they use."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.acting import Gate, eventually, moves_of
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


@pytest.mark.parametrize(
    ("amounts", "wrong"),
    [
        ([1e308, 1e308], "1e\\+308 is no amount of 'tokens'"),
        ([10**400], "0 is no amount of 'tokens'"),
        ([Decimal("sNaN")], "sNaN is no amount of 'tokens'"),
        (["many"], "many is no amount of 'tokens'"),
    ],
)
async def test_amounts_beyond_all_numbers_fail_their_attempt(
    opening: Opening, amounts: list[Any], wrong: str
) -> None:
    @handler
    async def miscounts(context: NodeContext) -> None:
        for amount in amounts:
            context.meter("tokens", amount)

    async with opening(miscounts) as engine:
        document = workflow(node("a", "miscounts", retry={"max_attempts": 1}))
        with pytest.raises(ExecutionFailed, match=f"ValueError: .*{wrong}"):
            await engine.run(document)


async def test_an_amount_of_any_kind_of_number_is_summed_with_the_others(opening: Opening) -> None:
    @handler
    async def exact(context: NodeContext) -> None:
        context.meter("cost", Decimal("0.25"))  # type: ignore[arg-type]

    @handler
    async def floating(context: NodeContext) -> None:
        context.meter("cost", 0.5)

    async with opening(exact, floating) as engine:
        document = workflow(node("a", "exact"), node("b", "floating", "a"))
        result = await asyncio.wait_for(engine.run(document), 20)
    assert result.usage == {"cost": 0.75}
    assert type(result.usage["cost"]) is float


async def test_a_meters_name_can_always_be_stored(opening: Opening) -> None:
    @handler
    async def odd(context: NodeContext) -> None:
        context.meter("\ud800", 1)
        context.meter("x" * 10_000, 2)

    async with opening(odd) as engine:
        result = await asyncio.wait_for(engine.run(workflow(node("a", "odd"))), 20)
    assert result.usage == {"?": 1, "x" * 100: 2}


async def test_an_attempt_has_twenty_meters(opening: Opening) -> None:
    @handler
    async def meters(context: NodeContext, names: int) -> None:
        for number in range(names):
            context.meter(f"m{number}", 1)
            context.meter(f"m{number}", 1)

    async with opening(meters) as engine:
        result = await engine.run(workflow(node("a", "meters", names=20)))
        assert result.usage == {f"m{number}": 2 for number in range(20)}
        many = node("a", "meters", names=21, retry={"max_attempts": 1})
        with pytest.raises(ExecutionFailed, match=r"ValueError: .*20 meters.*'m20'"):
            await engine.run(workflow(many))


async def test_what_is_metered_after_the_end_counts_nowhere(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[NodeContext] = []

    @handler
    async def leaks(context: NodeContext) -> None:
        context.meter("tokens", 1)
        contexts.append(context)

    async with opening(leaks) as engine:
        applied = moves_of(engine, monkeypatch)
        await engine.run(workflow(node("a", "leaks")))
        contexts[0].meter("tokens", 1)
    assert [move.meters for move in applied if move.meters] == [{"tokens": 1}]


class TestWhatTheStoreRefuses:
    """A handler that reaches around its context: nothing else brings what no store can sum."""

    async def test_its_node_fails_for_good_and_what_follows_goes_on(self, opening: Opening) -> None:
        @handler
        async def spoils(context: NodeContext) -> None:
            context.meters["tokens"] = object()  # type: ignore[attr-defined]

        document = workflow(
            node("a", "spoils", on_error="continue", retry={"max_attempts": 5, "retry_on": ["*"]}),
            node("b", "echo", "a", value="{{ a.error.type }}"),
        )
        async with opening(spoils) as engine:
            result = await asyncio.wait_for(engine.run(document), 20)
            view = (await engine.execution(result.execution_id))["nodes"]["a"]
            assert result.results == {"b": {"value": "StoreRefused"}}
            assert (view["state"], view["error"]["retryable"]) == ("FAILED", False)
            assert engine._parts.worker.held.leases() == []
            assert engine.counters.store_errors == 0

    async def test_a_refused_wait_or_end_of_a_cancelled_node_is_an_end_too(
        self, opening: Opening, gate: Gate
    ) -> None:
        @handler
        async def spoils(context: NodeContext) -> None:
            context.meters["tokens"] = object()  # type: ignore[attr-defined]
            gate.waiting.append(context.node)
            await asyncio.Event().wait()

        async with opening(spoils) as engine:
            execution = await engine.submit(workflow(node("a", "spoils")))
            await engine.trigger(execution)
            await eventually(lambda: gate.waiting == ["a"], "it runs")
            await engine.cancel(execution)
            result = await engine.wait(execution, 20)
        assert str(result.status) == "CANCELLED"
