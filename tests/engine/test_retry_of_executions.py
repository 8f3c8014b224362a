"""Taking up an execution again: what had succeeded is not paid for twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.acting import Gate, Recorder, eventually, noop
from tests.engine.conftest import QUICK, Opening
from tests.engine.documents import node, workflow
from wfcore import (
    Conflict,
    DocumentRefused,
    Engine,
    ExecutionNotFound,
    Filter,
    NodeContext,
    NodeError,
    Status,
    handler,
)
from wfcore.store.memory import MemoryStore

ONCE = {"max_attempts": 1}


class Shaky:
    """A handler that fails until it is mended; it writes down every run."""

    def __init__(self) -> None:
        self.broken = True
        self.ran: list[str] = []

        @handler
        async def shaky(context: NodeContext, note: str = "") -> dict[str, Any]:
            self.ran.append(context.node)
            if self.broken:
                raise NodeError("Down", "the service is down")
            return {"note": note, "key": context.idempotency_key}

        self.handler = shaky


@pytest.fixture
def shaky() -> Shaky:
    return Shaky()


async def failed(engine: Engine, document: Any, **options: Any) -> str:
    execution, _ = await engine.start_execution(document, **options)
    assert (await engine.wait(execution)).status is Status.FAILED
    return execution


def story(**last: Any) -> dict[str, Any]:
    """`first` is dear and succeeds, `second` breaks, `third` comes after it."""
    return workflow(
        node("first", "work"),
        node("second", "shaky", "first", note="n {{ first.output.value }}", retry=ONCE),
        node("third", "work", "second", **last),
    )


async def test_completed_nodes_keep_their_outputs_and_the_rest_runs(
    opening: Opening, recorder: Recorder, shaky: Shaky
) -> None:
    async with opening(shaky.handler) as engine:
        old = await failed(engine, story())
        before = await engine.execution(old)
        shaky.broken = False

        new, status = await engine.retry(old)
        result = await engine.wait(new)

        assert status in (Status.RUNNING, Status.COMPLETED)
        assert new != old
        assert result.status is Status.COMPLETED
        assert [key for key, _, _ in recorder.attempts] == ["first", "third"]
        assert shaky.ran == ["second", "second"]
        view = await engine.execution(new)
        assert view["retry_of"] == old
        assert view["nodes"]["first"] == before["nodes"]["first"]
        second = view["nodes"]["second"]["output"]
        assert second == {"note": "n 1", "key": f"{new}/second"}
        # Nothing terminal is reopened.
        assert await engine.execution(old) == before


async def test_what_was_taken_over_says_from_where(opening: Opening, shaky: Shaky) -> None:
    async with opening(shaky.handler) as engine:
        old = await failed(engine, story())
        shaky.broken = False
        new, _ = await engine.retry(old)
        await engine.wait(new)
        [attempt] = (await engine.node(new, "first"))["attempts"]
        assert attempt["reused"] == old
        [attempt] = (await engine.node(new, "second"))["attempts"]
        assert "reused" not in attempt


async def test_input_overrides_and_labels_are_those_of_the_old_one(
    opening: Opening, shaky: Shaky
) -> None:
    document = workflow(
        node("a", "shaky", note="{{ execution.input.who }}", retry=ONCE),
        node("b", "echo", "a", value="none"),
        labels={"team": "x"},
    )
    async with opening(shaky.handler) as engine:
        old = await engine.submit(document)
        body = {"b": {"value": "{{ execution.labels.team }}"}, "execution": {"input": {"who": "A"}}}
        await engine.trigger(old, body)
        await engine.wait(old)
        shaky.broken = False
        new, _ = await engine.retry(old, {"a": {"note": "for {{ execution.input.who }}"}})
        await engine.wait(new)
        nodes = (await engine.execution(new))["nodes"]
        assert nodes["a"]["output"]["note"] == "for A"
        assert nodes["b"]["output"] == {"value": "x"}


async def test_a_replaced_config_runs_its_node_and_all_after_it_anew(
    engine: Engine, recorder: Recorder
) -> None:
    document = workflow(
        node("a", "work"),
        node("b", "echo", "a", value="old"),
        node("c", "work", "b"),
        node("d", "work", "a"),
    )
    old = (await engine.run(document)).execution_id
    recorder.started.clear()

    new, _ = await engine.retry(old, {"b": {"value": "new"}})
    result = await engine.wait(new)

    assert result.status is Status.COMPLETED
    assert recorder.started == ["c"]
    assert (await engine.execution(new))["nodes"]["b"]["output"] == {"value": "new"}


async def test_a_retry_of_a_retry_reuses_what_both_had_done(
    opening: Opening, recorder: Recorder, shaky: Shaky
) -> None:
    document = workflow(
        node("a", "work"),
        node("b", "shaky", "a", retry=ONCE),
        node("c", "work", "b"),
        node("d", "boom", "c", retry=ONCE),
    )
    async with opening(shaky.handler) as engine:
        first = await failed(engine, document)
        shaky.broken = False
        second, _ = await engine.retry(first)
        await engine.wait(second)
        third, _ = await engine.retry(second, {"d": {"type": "Other"}})
        result = await engine.wait(third)
        assert recorder.started == ["a", "c"]
        assert result.errors["d"]["type"] == "Other"
        assert (await engine.execution(third))["retry_of"] == second


async def test_a_notice_goes_along_with_the_output_that_it_is_about(
    opening: Opening, shaky: Shaky
) -> None:
    document = workflow(
        node("ask", "call_llm_service", prompt="hello"), node("b", "shaky", "ask", retry=ONCE)
    )
    async with opening(shaky.handler) as engine:
        old = await failed(engine, document)
        shaky.broken = False
        new, _ = await engine.retry(old)
        result = await engine.wait(new)
        assert result.notices == ("[echo provider: no model was called]",)


async def test_a_skipped_node_is_judged_again(opening: Opening, shaky: Shaky) -> None:
    document = workflow(
        node("a", "shaky", retry=ONCE, on_error="continue"),
        node("b", "echo", "a", when="{{ a.state == 'COMPLETED' }}", value=1),
        node("c", "boom", retry=ONCE),
    )
    async with opening(shaky.handler) as engine:
        old = await failed(engine, document)
        assert (await engine.execution(old))["nodes"]["b"]["state"] == "SKIPPED"
        shaky.broken = False
        new, _ = await engine.retry(old)
        await engine.wait(new)
        assert (await engine.execution(new))["nodes"]["b"]["state"] == "COMPLETED"


async def test_a_cancelled_execution_is_taken_up_and_one_never_started_too(
    engine: Engine, gate: Gate, recorder: Recorder
) -> None:
    document = workflow(node("a", "work"), node("b", "held", "a"))
    old, _ = await engine.start_execution(document)
    await eventually(lambda: gate.waiting == ["b"], "b runs")
    await engine.cancel(old)
    await engine.wait(old)
    gate.open()
    new, _ = await engine.retry(old)
    assert (await engine.wait(new)).status is Status.COMPLETED
    assert recorder.started == ["a"]

    never = await engine.submit(
        workflow(node("e", "echo", value="{{ execution.input.n }}")), {"n": 7}
    )
    await engine.cancel(never)
    new, _ = await engine.retry(never)
    assert (await engine.wait(new)).results == {"e": {"value": 7}}


async def test_asking_twice_or_at_once_gives_one_retry(
    opening: Opening, gate: Gate, shaky: Shaky
) -> None:
    document = workflow(node("a", "shaky", retry=ONCE), node("b", "held", "a"))
    async with opening(shaky.handler) as engine:
        old = await failed(engine, document)
        shaky.broken = False
        answers = await asyncio.gather(*(engine.retry(old) for _ in range(20)))
        assert len({new for new, _ in answers}) == 1
        new = answers[0][0]
        gate.open()
        await engine.wait(new)
        assert await engine.retry(old) == (new, Status.COMPLETED)
        assert shaky.ran == ["a", "a"]


async def test_after_a_retry_that_failed_comes_another(opening: Opening, shaky: Shaky) -> None:
    async with opening(shaky.handler) as engine:
        old = await failed(engine, story())
        first, _ = await engine.retry(old)
        assert (await engine.wait(first)).status is Status.FAILED
        shaky.broken = False
        second, _ = await engine.retry(old)
        assert second != first
        assert (await engine.wait(second)).status is Status.COMPLETED
        page = await engine.executions(Filter(retry_of=old))
        assert [record.id for record in page.records] == [second, first]


async def test_two_engines_on_one_store_give_one_retry(shaky: Shaky) -> None:
    store = MemoryStore()
    options: dict[str, Any] = {"handlers": [shaky.handler, noop], "retry": QUICK}
    async with Engine(store, **options) as one, Engine(store, **options) as two:
        old = await failed(one, workflow(node("a", "shaky", retry=ONCE), node("b", "noop", "a")))
        shaky.broken = False
        answers = await asyncio.gather(*(each.retry(old) for each in (one, two) * 5))
        assert len({new for new, _ in answers}) == 1
        assert (await two.wait(answers[0][0])).status is Status.COMPLETED
        assert shaky.ran == ["a", "a"]


async def test_a_retry_goes_on_after_a_restart(
    tmp_path: Path, recorder: Recorder, shaky: Shaky
) -> None:
    options: dict[str, Any] = {"retry": QUICK, "drain_seconds": 0.1}
    store = f"sqlite:///{tmp_path}/wf.db"
    handlers = [recorder.handler, shaky.handler]
    document = workflow(
        node("a", "work"), node("b", "shaky", "a", retry=ONCE), node("c", "held", "b")
    )
    gate = Gate()
    async with Engine(store, handlers=[*handlers, gate.held], **options) as engine:
        old = await failed(engine, document)
        shaky.broken = False
        new, _ = await engine.retry(old)
        await eventually(lambda: gate.waiting == ["c"], "c runs")
    gate = Gate()
    gate.open()
    async with Engine(store, handlers=[*handlers, gate.held], **options) as engine:
        result = await engine.wait(new)
        assert result.status is Status.COMPLETED
        assert recorder.started == ["a"]
        assert (await engine.execution(new))["retry_of"] == old


async def test_the_joins_of_what_is_reused_are_awaited_all_the_same(
    opening: Opening, gate: Gate
) -> None:
    """No attempt starts before its node's join is decided, taken over or not."""
    document = workflow(
        node("slow", "held", on_error="continue", retry=ONCE, timeout=0.05),
        node("last", "echo", "slow", join="all_done", value=1),
        node("wrong", "boom", retry=ONCE),
    )
    async with opening() as engine:
        old = await failed(engine, document)
        gate.waiting.clear()
        new, _ = await engine.retry(old)
        await engine.wait(new)
        order = [
            event.key
            async for event in engine.events(new)
            if event.to is not None and event.to.terminal
        ]
        assert order.index("slow") < order.index("last")
        assert (await engine.node(new, "last"))["attempts"][0]["reused"] == old


class TestRefusals:
    async def test_one_that_has_not_ended(self, engine: Engine, gate: Gate) -> None:
        pending = await engine.submit(workflow(node("a")))
        running, _ = await engine.start_execution(workflow(node("a", "held")))
        for execution in (pending, running):
            with pytest.raises(Conflict) as refused:
                await engine.retry(execution)
            assert refused.value.problem.code == "retry.open"

    async def test_one_that_completed_with_nothing_to_change(self, engine: Engine) -> None:
        done = (await engine.run(workflow(node("a")))).execution_id
        with pytest.raises(Conflict) as refused:
            await engine.retry(done)
        assert refused.value.problem.code == "retry.nothing"

    async def test_one_that_is_unknown(self, engine: Engine) -> None:
        with pytest.raises(ExecutionNotFound):
            await engine.retry("nobody")

    @pytest.mark.parametrize(
        ("body", "code", "pointer"),
        [
            ({"execution": {"input": 1}}, "retry.input", "/execution"),
            ({"b": {}}, "override.unknown_node", "/b"),
            ({"a": 1}, "override.type", "/a"),
            ({"a": {"nonsense": 1}}, "config.unknown_key", "/a/nonsense"),
            ({"a": {"message": "{{ b.output }}"}}, "reference.unknown_node", "/a/message"),
            ([], "trigger.type", ""),
        ],
    )
    async def test_a_bad_body_makes_no_execution(
        self, engine: Engine, body: Any, code: str, pointer: str
    ) -> None:
        old = await failed(engine, workflow(node("a", "boom", retry=ONCE)))
        with pytest.raises(DocumentRefused) as refused:
            await engine.retry(old, body)
        [problem] = refused.value.problems
        assert (problem.code, problem.pointer) == (code, pointer)
        assert len((await engine.executions()).records) == 1
