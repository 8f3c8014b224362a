"""`input`, `output`, `call_llm_service`, and the door through which all built-ins come."""

import ast
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import wfcore
import wfplugins_builtin
from wfcore import NodeError, Workflow
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler

SOURCES = sorted(Path(wfplugins_builtin.__file__).parent.rglob("*.py"))


def test_the_built_in_handlers_are_there(builtins: Registry) -> None:
    assert sorted(builtins.handlers) == [
        "call_external_service",
        "call_llm_service",
        "fail",
        "input",
        "log",
        "output",
        "publish_kafka",
        "transform",
        "wait",
    ]
    assert [name for name, one in builtins.handlers.items() if one.gives_result] == ["output"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_built_ins_import_nothing_of_wfcore_that_a_third_party_cannot(source: Path) -> None:
    for statement in ast.walk(ast.parse(source.read_text())):
        if isinstance(statement, ast.Import):
            assert all(not alias.name.startswith("wfcore") for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(
            "wfcore"
        ):
            assert statement.module == "wfcore"
            assert {alias.name for alias in statement.names} <= set(wfcore.__all__)


def test_the_built_ins_are_announced_as_any_plugin_is() -> None:
    found = entry_points(group="wfcore.plugins", name="builtin")
    assert [point.value for point in found] == ["wfplugins_builtin"]
    assert {point.dist.name for point in found if point.dist} == {"wfcore"}


@pytest.mark.parametrize(
    ("given", "output"),
    [({}, {}), ({"a": [1]}, {"a": [1]}), ([1], {"value": [1]}), (None, {"value": None})],
)
async def test_input_gives_the_executions_input(
    builtins: Registry, context: FakeContext, given: Any, output: Any
) -> None:
    context.given_input = given
    assert await run_handler(builtins.handler("input"), {}, context) == output


@pytest.mark.parametrize(
    ("input_schema", "output_schema"),
    [
        (None, None),
        ({}, None),
        ({"type": ["object", "null"]}, None),
        ({"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        (
            {"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": {}}},
            {
                "type": "object",
                "properties": {"value": {"type": "array"}},
                "required": ["value"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_inputs_output_has_the_shape_that_the_workflow_asks_for(
    builtins: Registry, input_schema: Any, output_schema: Any
) -> None:
    workflow = Workflow.model_validate(
        {
            "name": "w",
            "input_schema": input_schema,
            "dag": {"nodes": [{"id": "start", "handler": "input"}]},
        }
    )
    assert builtins.handler("input").output_schema({}, workflow) == output_schema


async def test_output_collects_what_its_dependencies_gave(
    builtins: Registry, context: FakeContext
) -> None:
    context.given_outputs = {"a": {"x": 1}, "b": {}}
    assert await run_handler(builtins.handler("output"), {}, context) == {"a": {"x": 1}, "b": {}}


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, [], False])
async def test_output_gives_a_value_under_the_nodes_name(
    builtins: Registry, context: FakeContext, value: Any
) -> None:
    context.given_outputs = {"a": {"x": 1}}
    context.node = "answer"
    output = await run_handler(builtins.handler("output"), {"value": value}, context)
    assert output == {"answer": value}


async def test_the_echo_provider_answers_exactly_as_the_seed_says(
    builtins: Registry, context: FakeContext
) -> None:
    context.settings = {"llm_provider": "echo"}
    output = await run_handler(
        builtins.handler("call_llm_service"), {"prompt": "Sum 'it'"}, context
    )
    assert output == {"result": "LLM generated a summary for the prompt 'Sum 'it''"}
    assert context.notices == ["[echo provider: no model was called]"]


@pytest.mark.parametrize("settings", [{}, {"llm_provider": ""}])
async def test_without_a_provider_the_node_fails_and_names_the_setting(
    builtins: Registry, context: FakeContext, settings: dict[str, str]
) -> None:
    context.settings = settings
    with pytest.raises(NodeError) as caught:
        await run_handler(builtins.handler("call_llm_service"), {"prompt": "a"}, context)
    assert (caught.value.type, caught.value.retryable) == ("NoProvider", False)
    assert "APP_LLM_MODEL" in caught.value.message
    assert context.notices == []


@pytest.mark.parametrize(
    ("handler", "config"),
    [
        ("input", {"a": 1}),
        ("output", {"values": 1}),
        ("call_llm_service", {}),
        ("call_llm_service", {"prompt": "a", "tools": []}),
    ],
)
def test_config_that_does_nothing_is_refused(
    builtins: Registry, handler: str, config: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        builtins.handler(handler).Config.model_validate(config)
