"""Every field of the document does what it says, on every store."""

import json
from typing import Any

import pytest

from tests.engine.acting import Gate, Recorder, eventually
from tests.engine.documents import node, workflow
from wfcore import DocumentRefused, Engine, ExecutionFailed, Limits, Status


async def outcome(engine: Engine, document: dict[str, Any], given: Any = None) -> dict[str, Any]:
    """Run to the end and return the nodes as the API shows them."""
    execution = await engine.submit(document, {} if given is None else given)
    await engine.trigger(execution)
    await engine.wait(execution)
    view = await engine.execution(execution)
    return {**view["nodes"], "status": view["status"]}


def states(view: dict[str, Any]) -> dict[str, str]:
    return {key: value["state"] for key, value in view.items() if key != "status"}


async def test_retry_repeats_a_failing_node(engine: Engine, recorder: Recorder) -> None:
    retry = {"max_attempts": 3, "initial_interval": 0.01, "backoff": "fixed"}

    view = await outcome(engine, workflow(node("a", "work", failures=2, retry=retry)))

    assert view["a"] == {"state": "COMPLETED", "output": {"value": 3}}
    assert [attempt for _, attempt, _ in recorder.attempts] == [1, 2, 3]
    assert len({key for _, _, key in recorder.attempts}) == 1


async def test_retry_ends_after_max_attempts(engine: Engine, recorder: Recorder) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0.01}

    view = await outcome(engine, workflow(node("a", "work", failures=5, retry=retry)))

    assert view["status"] == "FAILED"
    assert view["a"]["error"] == {"type": "Boom", "message": "attempt 2", "retryable": True}
    assert len(recorder.attempts) == 2


@pytest.mark.parametrize(("kind", "attempts"), [("Boomerang", 2), ("Bang", 1)])
async def test_retry_on_names_what_is_retried(
    engine: Engine, recorder: Recorder, kind: str, attempts: int
) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0, "retry_on": ["Boom*"]}

    await outcome(engine, workflow(node("a", "work", failures=9, type=kind, retry=retry)))

    assert len(recorder.attempts) == attempts


async def test_the_engines_defaults_retry_where_a_node_says_nothing(
    engine: Engine, recorder: Recorder
) -> None:
    await outcome(engine, workflow(node("a", "work", failures=9)))

    assert len(recorder.attempts) == 4


async def test_total_timeout_ends_the_retries(engine: Engine, recorder: Recorder) -> None:
    retry = {"max_attempts": 9, "initial_interval": 5, "jitter": False, "total_timeout": 2}

    view = await outcome(engine, workflow(node("a", "work", failures=9, retry=retry)))

    assert view["a"]["state"] == "FAILED"
    assert len(recorder.attempts) == 1


async def test_total_timeout_counts_the_time_that_attempts_take(engine: Engine, gate: Gate) -> None:
    retry = {"max_attempts": 9, "initial_interval": 0, "total_timeout": 0.05}

    view = await outcome(engine, workflow(node("a", "held", timeout=0.1, retry=retry)))

    assert view["a"]["error"]["message"] == "the attempt took longer than its timeout of 0.1 s"
    assert gate.waiting == ["a"]


async def test_timeout_bounds_one_attempt_and_is_retried(engine: Engine, gate: Gate) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0}

    view = await outcome(engine, workflow(node("a", "held", timeout=0.05, retry=retry)))

    assert view["a"]["error"]["type"] == "Timeout"
    assert "0.05 s" in view["a"]["error"]["message"]
    assert gate.waiting == ["a", "a"]


@pytest.mark.parametrize(
    ("when", "state"),
    [
        (True, "COMPLETED"),
        (False, "SKIPPED"),
        ("{{ execution.input.go }}", "COMPLETED"),
        ("{{ not execution.input.go }}", "SKIPPED"),
        ("{{ first.output.value > 3 }}", "SKIPPED"),
        ("{{ first.state == 'COMPLETED' }}", "COMPLETED"),
    ],
)
async def test_when_decides_whether_a_node_runs(engine: Engine, when: Any, state: str) -> None:
    document = workflow(node("first", "echo", value=3), node("a", "noop", "first", when=when))

    view = await outcome(engine, document, {"go": True})

    assert view["a"]["state"] == state
    assert view["status"] == "COMPLETED"


async def test_when_that_gives_no_boolean_fails_the_node(engine: Engine) -> None:
    document = workflow(node("a", "noop", when="{{ execution.input.go }}"))

    view = await outcome(engine, document, {"go": "yes"})

    assert view["a"]["error"]["type"] == "TemplateError"
    assert '"yes"' in view["a"]["error"]["message"]


_ENDS: dict[str, dict[str, Any]] = {
    "ok": {"handler": "noop"},
    "data": {"handler": "boom", "on_error": "continue"},
    "failed": {"handler": "boom"},
    "skipped": {"handler": "noop", "when": False},
}


@pytest.mark.parametrize("join", ["all_success", "all_done", "any_success"])
@pytest.mark.parametrize("first", _ENDS)
@pytest.mark.parametrize("second", _ENDS)
async def test_join_judges_how_the_dependencies_ended(
    engine: Engine, join: str, first: str, second: str
) -> None:
    before = [node("d1", **_ENDS[first]), node("d2", **_ENDS[second])]

    view = await outcome(engine, workflow(*before, node("a", "noop", "d1", "d2", join=join)))

    succeeded = [end in ("ok", "data") for end in (first, second)]
    judged = {"all_success": all(succeeded), "any_success": any(succeeded), "all_done": True}
    assert view["a"]["state"] == ("COMPLETED" if judged[join] else "SKIPPED")
    assert view["status"] == ("FAILED" if "failed" in (first, second) else "COMPLETED")


async def test_any_success_runs_while_other_dependencies_are_open(
    engine: Engine, gate: Gate
) -> None:
    document = workflow(
        node("slow", "held"),
        node("fast", "echo", value=1),
        node(
            "a",
            "echo",
            "slow",
            "fast",
            join="any_success",
            value="{{ slow.output.value | default('still open') }}",
        ),
    )
    execution = await engine.submit(document)
    await engine.trigger(execution)

    async def has_run() -> bool:
        nodes = (await engine.execution(execution))["nodes"]
        return bool(nodes["a"]["state"] == "COMPLETED")

    await eventually(has_run, "the join ran before `slow` had ended")
    gate.open()
    result = await engine.wait(execution)

    assert result.status is Status.COMPLETED
    assert result.results["a"] == {"value": "still open"}


async def test_a_failure_that_is_data_is_read_by_the_nodes_after_it(engine: Engine) -> None:
    text = "{{ bad.error.type }} {{ bad.error.message }} {{ bad.error.status }} {{ bad.state }}"
    document = workflow(
        node("bad", "boom", on_error="continue"), node("a", "echo", "bad", value=text)
    )

    result = await engine.run(document)

    assert result.results == {"a": {"value": "Boom as asked 418 FAILED"}}
    assert result.errors == {}


async def test_branches_that_do_not_depend_on_a_failure_go_on(engine: Engine) -> None:
    document = workflow(
        node("bad", "boom"),
        node("after", "noop", "bad"),
        node("other"),
        node("last", "noop", "other"),
    )

    view = await outcome(engine, document)

    assert states(view) == {
        "bad": "FAILED",
        "after": "SKIPPED",
        "other": "COMPLETED",
        "last": "COMPLETED",
    }
    assert view["status"] == "FAILED"


async def test_the_workflows_timeout_cancels_what_is_open(engine: Engine, gate: Gate) -> None:
    document = workflow(
        node("done"), node("open", "held", "done"), node("next", "noop", "open"), timeout=0.1
    )

    with pytest.raises(ExecutionFailed, match="timeout") as failed:
        await engine.run(document)

    view = await engine.execution(failed.value.execution_id)
    assert failed.value.status == "FAILED"
    assert states(view["nodes"]) == {"done": "COMPLETED", "open": "CANCELLED", "next": "CANCELLED"}
    assert view["nodes"]["open"]["error"]["type"] == "ExecutionTimeout"
    assert gate.ended == []


async def test_labels_and_name_are_stored_and_read_by_templates(engine: Engine) -> None:
    text = "{{ execution.name }} {{ execution.labels.team }} {{ execution.id }}"
    document = workflow(node("a", "echo", value=text), labels={"team": "support"})

    result = await engine.run(document)

    record = await engine.record(result.execution_id)
    assert record.labels == {"team": "support"}
    assert result.results["a"]["value"] == f"tested support {result.execution_id}"


async def test_descriptions_are_kept_with_the_document(engine: Engine) -> None:
    document = workflow(node("a", description="one"), description="whole")

    result = await engine.run(document)

    stored = await engine.document(result.execution_id)
    assert '"description":"one"' in stored
    assert '"description":"whole"' in stored


async def test_the_input_must_match_its_schema_wherever_it_arrives(engine: Engine) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    document = workflow(node("a", "echo", value="{{ execution.input.n }}"), input_schema=schema)

    with pytest.raises(DocumentRefused) as at_submit:
        await engine.submit(document, {"n": "x"})
    execution = await engine.submit(document)
    with pytest.raises(DocumentRefused) as missing:
        await engine.trigger(execution)
    with pytest.raises(DocumentRefused) as at_trigger:
        await engine.trigger(execution, {"execution": {"input": {"n": None}}})
    await engine.trigger(execution, {"execution": {"input": {"n": 5}}})
    result = await engine.wait(execution)

    assert at_submit.value.problems[0].pointer == "/input/n"
    assert missing.value.problems[0].pointer.startswith("/execution/input")
    assert at_trigger.value.problems[0].pointer == "/execution/input/n"
    assert result.results == {"a": {"value": 5}}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_nodes=1), "document.too_many_nodes"),
        (Limits(max_edges=0), "document.too_many_edges"),
        (Limits(max_document_bytes=50), "document.too_large"),
        (Limits(max_depth=3), "json.depth"),
        (Limits(max_template_bytes=10), "template.too_large"),
    ],
)
async def test_every_size_limit_of_a_document_is_held(limits: Limits, code: str) -> None:
    document = {
        "name": "limits",
        "dag": {
            "nodes": [
                {"id": "a", "handler": "output", "config": {"value": 1}},
                {
                    "id": "b",
                    "handler": "output",
                    "dependencies": ["a"],
                    "config": {"value": "{{ a.output.a }} and more text"},
                },
            ]
        },
    }
    async with Engine(limits=limits) as engine:
        for given in (document, json.dumps(document)):
            assert code in {problem.code for problem in await engine.check(given)}
