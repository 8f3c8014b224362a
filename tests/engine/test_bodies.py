"""Submit and trigger, and the bodies that the API answers with."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.engine.acting import Gate, Recorder, eventually
from tests.engine.documents import node, workflow
from wfcore import Conflict, DocumentRefused, Engine, ExecutionNotFound, Status
from wfcore.store.contract import NodeRecord
from wfcore.store.memory import MemoryStore

ECHOED = workflow(
    node("a", "echo", value="{{ execution.input.x }}"),
    node("b", "echo", "a", value="got {{ a.output.value }}"),
)


def aggregated(body: Mapping[str, Any]) -> Any:
    return body["results"]["aggregated_results"]


async def test_an_execution_is_pending_until_it_is_triggered(engine: Engine) -> None:
    execution = await engine.submit(ECHOED, {"x": 1})

    assert str(uuid.UUID(execution)) == execution
    assert await engine.execution(execution) == {
        "execution_id": execution,
        "status": "PENDING",
        "nodes": {
            "a": {"state": "PENDING", "output": {}},
            "b": {"state": "PENDING", "output": {}},
        },
    }
    body = await engine.results(execution)
    assert (body["status"], body["completed"]) == ("PENDING", False)
    assert body["results"] == {"final_status": "workflow_pending", "aggregated_results": {}}
    await engine.cancel(execution)


async def test_a_completed_execution_gives_the_bodies_of_the_design(engine: Engine) -> None:
    execution = await engine.submit(ECHOED, {"x": 1})
    assert await engine.trigger(execution) == "RUNNING"
    await engine.wait(execution)

    assert await engine.execution(execution) == {
        "execution_id": execution,
        "status": "COMPLETED",
        "nodes": {
            "a": {"state": "COMPLETED", "output": {"value": 1}},
            "b": {"state": "COMPLETED", "output": {"value": "got 1"}},
        },
    }
    assert await engine.results(execution) == {
        "execution_id": execution,
        "status": "COMPLETED",
        "completed": True,
        "results": {
            "final_status": "workflow_completed",
            "aggregated_results": {"b": {"value": "got 1"}},
        },
        "message": "Results retrieved successfully.",
    }


async def test_a_failed_execution_names_the_first_node_that_failed_it(engine: Engine) -> None:
    document = workflow(
        node("data", "boom", on_error="continue", type="Handled"),
        node("bad", "boom", "data"),
        node("fine"),
    )
    execution = await engine.submit(document)
    await engine.trigger(execution)
    await engine.wait(execution)

    body = await engine.results(execution)

    assert (body["status"], body["completed"]) == ("FAILED", False)
    assert body["results"]["final_status"] == "workflow_failed"
    assert aggregated(body) == {"fine": {"value": None}}
    assert list(body["errors"]) == ["bad", "data"]
    error = {"type": "Boom", "message": "as asked", "retryable": False, "status": 418}
    assert body["errors"]["bad"] == error
    assert "bad" in body["message"]
    assert "as asked" in body["message"]
    nodes = (await engine.execution(execution))["nodes"]
    assert nodes["bad"] == {"state": "FAILED", "output": {}, "error": error}


async def test_output_nodes_are_the_results_where_there_are_any(engine: Engine) -> None:
    document = workflow(
        node("a", "echo", value=1),
        node("b", "echo", value=2),
        node("both", "output", "a", "b"),
        node("shaped", "output", "a", value="{{ a.output }}"),
        node("elsewhere", "noop", "a"),
    )

    result = await engine.run(document)

    assert result.results == {"a": {"value": 1}, "b": {"value": 2}, "shaped": {"value": 1}}


async def test_the_input_node_gives_the_executions_input(engine: Engine) -> None:
    document = workflow(node("input", "input"))

    assert (await engine.run(document, {"x": [1]})).results == {"input": {"x": [1]}}
    assert (await engine.run(document, [1])).results == {"input": {"value": [1]}}
    assert (await engine.run(document)).results == {"input": {}}


async def test_the_input_of_the_trigger_replaces_that_of_the_submission(engine: Engine) -> None:
    execution = await engine.submit(ECHOED, {"x": "submitted"})
    await engine.trigger(execution, {"execution": {"input": {"x": "triggered"}}})

    assert (await engine.wait(execution)).results == {"b": {"value": "got triggered"}}


async def test_overrides_replace_whole_config_keys_and_may_hold_templates(engine: Engine) -> None:
    execution = await engine.submit(ECHOED, {"x": 1})
    await engine.trigger(execution, {"b": {"value": "now {{ a.output.value + 1 }}"}})

    assert (await engine.wait(execution)).results == {"b": {"value": "now 2"}}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"c": {}}, "/c"),
        ({"b": {"valeu": 1}}, "/b/valeu"),
        ({"b": {"value": "{{ c.output }}"}}, "/b/value"),
        ({"execution": {"inputs": {}}}, "/execution/inputs"),
        ({"execution": 1}, "/execution"),
    ],
)
async def test_a_bad_trigger_is_refused_and_starts_nothing(
    engine: Engine, body: dict[str, Any], place: str
) -> None:
    execution = await engine.submit(ECHOED, {"x": 1})

    with pytest.raises(DocumentRefused) as refused:
        await engine.trigger(execution, body)

    assert refused.value.problems[0].pointer == place
    assert (await engine.execution(execution))["status"] == "PENDING"
    await engine.cancel(execution)


async def test_the_same_trigger_again_changes_nothing(engine: Engine, recorder: Recorder) -> None:
    execution = await engine.submit(workflow(node("a", "work")))
    body = {"execution": {"input": {"x": 1, "y": 2}}}

    await engine.trigger(execution, body)
    await engine.wait(execution)
    again = await engine.trigger(execution, {"execution": {"input": {"y": 2, "x": 1}}})

    assert again == "COMPLETED"
    assert recorder.started == ["a"]


async def test_another_trigger_is_a_conflict_and_its_body_reaches_no_node(
    engine: Engine, gate: Gate
) -> None:
    document = workflow(node("a", "held"), node("b", "echo", "a", value="{{ execution.input.x }}"))
    execution = await engine.submit(document, {"x": 1})
    await engine.trigger(execution)

    with pytest.raises(Conflict):
        await engine.trigger(execution, {"execution": {"input": {"x": 2}}})

    gate.open()
    assert (await engine.wait(execution)).results == {"b": {"value": 1}}
    with pytest.raises(Conflict):
        await engine.trigger(execution, {"execution": {"input": {"x": 2}}})


async def test_of_twenty_equal_triggers_at_once_one_starts(
    engine: Engine, recorder: Recorder
) -> None:
    execution = await engine.submit(workflow(*(node(f"n{at}", "work") for at in range(300))))

    answers = await asyncio.gather(*(engine.trigger(execution) for _ in range(20)))
    await engine.wait(execution)

    assert set(answers) <= {Status.RUNNING, Status.COMPLETED}
    assert sorted(recorder.started) == sorted(f"n{at}" for at in range(300))


async def test_of_different_triggers_at_once_one_wins_and_all_nodes_see_its_body(
    engine: Engine,
) -> None:
    nodes = [node(f"n{at}", "echo", value="{{ execution.input.x }}") for at in range(40)]
    last = node("last", "echo", *(each["id"] for each in nodes), value="{{ execution.input.x }}")
    for _ in range(5):
        execution = await engine.submit(workflow(*nodes, last))
        bodies = [{"execution": {"input": {"x": number}}} for number in range(8)]

        answers = await asyncio.gather(
            *(engine.trigger(execution, body) for body in bodies), return_exceptions=True
        )
        await engine.wait(execution)

        [winner] = [at for at, answer in enumerate(answers) if isinstance(answer, Status)]
        assert sum(isinstance(answer, Conflict) for answer in answers) == 7
        view = (await engine.execution(execution))["nodes"]
        assert {each["output"]["value"] for each in view.values()} == {winner}


async def test_a_submission_repeated_under_its_id_is_harmless(
    engine: Engine, recorder: Recorder
) -> None:
    document = workflow(node("a", "work"))
    first = await engine.submit(document, {"x": 1}, execution_id="mine")
    await engine.trigger(first)
    await engine.wait(first)

    assert await engine.submit(document, {"x": 1}, execution_id="mine") == "mine"
    assert (await engine.execution("mine"))["status"] == "COMPLETED"
    with pytest.raises(Conflict):
        await engine.submit(document, {"x": 2}, execution_id="mine")
    with pytest.raises(Conflict):
        await engine.submit(workflow(node("b", "work")), {"x": 1}, execution_id="mine")
    assert recorder.started == ["a"]


async def test_what_nobody_submitted_is_not_found(engine: Engine) -> None:
    with pytest.raises(ExecutionNotFound):
        await engine.trigger("nothing")
    with pytest.raises(ExecutionNotFound):
        await engine.execution("nothing")
    with pytest.raises(ExecutionNotFound):
        await engine.results("nothing")
    with pytest.raises(ExecutionNotFound):
        await engine.cancel("nothing")
    with pytest.raises(ExecutionNotFound):
        await engine.wait("nothing")
    with pytest.raises(ExecutionNotFound):
        await anext(engine.events("nothing"))


async def test_check_tells_problems_and_stores_nothing(engine: Engine) -> None:
    assert await engine.check(ECHOED) == []
    assert [each.code for each in await engine.check(workflow(node("a", "nop")))] == [
        "handler.unknown"
    ]


async def test_wait_gives_up_after_its_timeout_and_tells_where_it_stands(
    engine: Engine, gate: Gate
) -> None:
    execution = await engine.submit(workflow(node("a", "held")))
    await engine.trigger(execution)

    result = await engine.wait(execution, timeout=0.05)

    assert (result.status, result.results) == (Status.RUNNING, {})
    await eventually(lambda: gate.waiting == ["a"], "the node runs")
    gate.open()
    assert (await engine.wait(execution)).status is Status.COMPLETED


class _Overtaken(MemoryStore):
    """A store in which every page of nodes is out of date as soon as it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        page = await super().nodes(execution, after, limit)
        self.gate.open()
        await eventually(lambda: self._ended(execution), "it ends")
        return page

    async def _ended(self, execution: str) -> bool:
        record = await self.read(execution)
        return record is not None and record.status.terminal


async def test_a_state_and_its_output_are_of_the_same_moment() -> None:
    store = _Overtaken()
    async with Engine(store, handlers=[store.gate.held]) as engine:
        execution_id = await engine.submit(workflow(node("a", "held")))
        await engine.trigger(execution_id)
        await eventually(lambda: store.gate.waiting == ["a"], "it runs")
        view = await engine.execution(execution_id)
    assert view["nodes"]["a"] == {"state": "COMPLETED", "output": {"value": "released"}}


@pytest.mark.parametrize("body", [[], [["a", {}]], 0, False, "", "ab", 5, ()], ids=repr)
async def test_a_trigger_that_is_no_mapping_is_refused_and_starts_nothing(
    engine: Engine, body: Any
) -> None:
    execution = await engine.submit(ECHOED, {"x": 1})

    with pytest.raises(DocumentRefused) as refused:
        await engine.trigger(execution, body)

    assert [(each.code, each.pointer) for each in refused.value.problems] == [("trigger.type", "")]
    assert (await engine.result(execution)).status is Status.PENDING
    await engine.cancel(execution)


@pytest.mark.parametrize(
    "wrong", ["", 5, b"x", ["x"], "a" * 129, "a b", "a/..", "\ud800", "é", "a\n"], ids=repr
)
async def test_an_execution_id_has_the_characters_of_ids(engine: Engine, wrong: Any) -> None:
    with pytest.raises(DocumentRefused) as refused:
        await engine.submit(ECHOED, {"x": 1}, execution_id=wrong)

    assert [each.code for each in refused.value.problems] == ["execution_id.invalid"]
    longest = "aZ09_.-" + "a" * 121
    assert await engine.submit(ECHOED, {"x": 1}, execution_id=longest) == longest
    await engine.cancel(longest)
