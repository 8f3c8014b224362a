"""Structured output: asked for, checked, and asked for again."""

import json
from typing import Any

import pytest

from tests.llm.conftest import Asker
from tests.llm.endpoint import Act, Endpoint

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD = {"name": "Ada", "age": 36}


@pytest.mark.parametrize("text", [json.dumps(GOOD), f"```json\n{json.dumps(GOOD)}\n```"])
async def test_the_result_is_an_object_of_that_shape(
    asker: Asker, endpoint: Endpoint, text: str
) -> None:
    endpoint.queue(Act(text))
    output = await asker.output(output_schema=SCHEMA)
    assert output["result"] == GOOD
    asked_for = endpoint.requests[0].body["response_format"]
    assert asked_for["type"] == "json_schema"
    assert set(asked_for["json_schema"]["schema"]["properties"]) == {"name", "age"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("Ada, 36", "not valid JSON"),
        ('{"name": "Ada"}', "age"),
        ('{"name": "Ada", "age": -1}', "/age"),
        ('{"name": "Ada", "age": NaN}', "NaN"),
    ],
)
async def test_a_wrong_one_is_asked_for_again_with_what_is_wrong(
    asker: Asker, endpoint: Endpoint, wrong: str, said: str
) -> None:
    endpoint.queue(Act(wrong), Act(json.dumps(GOOD)))
    output = await asker.output(output_schema=SCHEMA)
    assert output["result"] == GOOD
    assert output["usage"] == {"input_tokens": 20, "output_tokens": 10}
    messages: list[Any] = endpoint.requests[1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == wrong
    assert said in messages[2]["content"]


async def test_after_two_more_requests_it_fails_and_what_it_cost_is_counted(
    asker: Asker, endpoint: Endpoint
) -> None:
    endpoint.by_model = {"gpt-4o-mini": Act("no")}
    result = await asker.result(output_schema=SCHEMA)
    error = result.errors["ask"]
    assert (error["type"], error["retryable"]) == ("InvalidAnswer", False)
    assert "not valid JSON" in error["message"]
    assert len(endpoint.requests) == 3
    assert result.usage["requests"] == 3


async def test_one_that_was_cut_short_is_not_asked_for_again(
    asker: Asker, endpoint: Endpoint
) -> None:
    endpoint.queue(Act('{"name": "A', finish="length"))
    error = await asker.error(output_schema=SCHEMA, max_tokens=5)
    assert (error["type"], error["retryable"]) == ("TruncatedAnswer", False)
    assert len(endpoint.requests) == 1


async def test_template_marks_in_a_schema_are_left_alone(asker: Asker, endpoint: Endpoint) -> None:
    schema = {**SCHEMA, "description": "{{ nothing }}"}
    endpoint.queue(Act(json.dumps(GOOD)))
    assert (await asker.output(output_schema=schema))["result"] == GOOD


async def test_it_can_be_streamed(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(json.dumps(GOOD)))
    assert (await asker.output(output_schema=SCHEMA, stream=True))["result"] == GOOD


async def test_the_echo_provider_cannot(asker: Asker) -> None:
    error = await asker.error(model="echo", output_schema=SCHEMA)
    assert (error["type"], error["retryable"]) == ("NoStructuredOutput", False)
