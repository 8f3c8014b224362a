"""`fail`: an error that the document decides on."""

import json
import logging
from typing import Any

import pytest
from pydantic import ValidationError

import wfcore
from tests.docs.said import ROOT
from wfcore import DocumentRefused, Engine, ExecutionFailed, NodeError
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler


def document(*more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    guard = {"id": "guard", "handler": "fail", "config": {"message": "no"}, **fields}
    return {"name": "w", "dag": {"nodes": [guard, *more]}}


def output(value: Any) -> dict[str, Any]:
    return {
        "id": "out",
        "handler": "output",
        "dependencies": ["guard"],
        "config": {"value": value},
    }


async def failure(builtins: Registry, context: FakeContext, config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await run_handler(builtins.handler("fail"), config, context)
    return caught.value


async def test_it_fails_for_good_unless_it_says_otherwise(
    builtins: Registry, context: FakeContext
) -> None:
    error = await failure(builtins, context, {"message": "the order is empty"})
    assert error.record() == {
        "type": "Failed",
        "message": "the order is empty",
        "retryable": False,
    }


async def test_everything_of_the_error_is_the_documents(
    builtins: Registry, context: FakeContext
) -> None:
    said = {"type": "Stale", "message": "old", "retryable": True, "details": {"age": [3]}}
    assert (await failure(builtins, context, said)).record() == said


@pytest.mark.parametrize(
    ("message", "text"), [({"a": "ä"}, '{"a":"ä"}'), ([1], "[1]"), (7, "7"), (None, "null")]
)
async def test_a_message_that_is_no_text_is_written_as_json(
    builtins: Registry, context: FakeContext, message: Any, text: str
) -> None:
    assert (await failure(builtins, context, {"message": message})).message == text


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"message": ""},
        {"message": "a", "type": ""},
        {"message": "a", "type": "two words"},
        {"message": "a", "type": "1st"},
        {"message": "a", "typ": "A"},
        {"message": "a", "retryable": "perhaps"},
    ],
)
def test_a_config_that_makes_no_error_is_refused(builtins: Registry, config: Any) -> None:
    with pytest.raises(ValidationError):
        builtins.handler("fail").Config.model_validate(config)


def test_it_ends_the_execution_where_its_condition_holds() -> None:
    guard = document(
        output("fine"),
        when="{{ execution.input.total < 0 }}",
        config={"type": "BadOrder", "message": "a total of {{ execution.input.total }}"},
    )
    guard["dag"]["nodes"][1]["join"] = "all_done"

    with pytest.raises(ExecutionFailed) as failed:
        wfcore.run(guard, input={"total": -3})
    error = failed.value.errors["guard"]
    assert (error["type"], error["message"]) == ("BadOrder", "a total of -3")

    assert wfcore.run(guard, input={"total": 3}).results == {"out": "fine"}


async def test_a_retryable_one_is_tried_again_as_the_node_says() -> None:
    guard = document(
        config={"message": "no", "type": "Early", "retryable": True},
        retry={"max_attempts": 3, "initial_interval": 0.01, "retry_on": ["Earl*"]},
    )
    async with Engine() as engine:
        execution = await engine.submit(guard)
        await engine.trigger(execution)
        assert (await engine.wait(execution, 30)).status == "FAILED"
        assert len((await engine.node(execution, "guard"))["attempts"]) == 3


def test_its_error_is_data_for_the_nodes_after_it() -> None:
    error = "{{ guard.error.type }}: {{ guard.error.details.code }}"
    guard = document(
        output(error),
        on_error="continue",
        config={"message": "no", "details": {"code": 7}},
    )
    assert wfcore.run(guard).results == {"out": "Failed: 7"}


def test_a_reference_to_its_output_is_refused() -> None:
    with pytest.raises(DocumentRefused) as refused:
        wfcore.run(document(output("{{ guard.output.message }}"), on_error="continue"))
    assert [each.code for each in refused.value.problems] == ["reference.unknown_field"]


def test_the_example_of_checks_notes_a_large_order_and_refuses_one_without_a_price(
    caplog: pytest.LogCaptureFixture,
) -> None:
    checks = json.loads((ROOT / "examples" / "checks.json").read_text(encoding="utf-8"))

    assert wfcore.run(checks).results == {"answer": "Ada pays 150"}
    [note] = [each for each in caplog.records if each.name == "wfcore.node.note"]
    assert note.levelno == logging.WARNING
    assert note.getMessage() == "a large order customer=Ada total=150"

    assert wfcore.run(checks, input={"prices": [2]}).results == {"answer": "Ada pays 2"}

    with pytest.raises(ExecutionFailed) as failed:
        wfcore.run(checks, input={"customer": "Bob", "prices": []})
    assert failed.value.errors["check"] == {
        "type": "BadOrder",
        "message": "the order of Bob has no price",
        "retryable": False,
        "details": {"order": {"customer": "Bob", "total": 0}},
    }
