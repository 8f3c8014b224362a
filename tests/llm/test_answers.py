"""What a node gives back, and what goes over the wire for it."""

import asyncio
from typing import Any

import pytest

from tests.llm.conftest import ANTHROPIC_KEY, KEY, Asker, Asking
from tests.llm.endpoint import Act, Endpoint
from wfcore import DocumentRefused, Engine, Message


async def test_the_answer_stands_beside_who_gave_it_and_what_it_cost(
    asker: Asker, endpoint: Endpoint
) -> None:
    endpoint.queue(Act("Four."))
    output = await asker.output(prompt="2 + 2?")
    assert output.pop("cost") > 0
    assert output == {
        "result": "Four.",
        "model": "openai:gpt-4o-mini",
        "usage": {"input_tokens": 10, "output_tokens": 5},
        "finish_reason": "stop",
    }


async def test_with_a_base_url_openai_means_chat_completions(
    asker: Asker, endpoint: Endpoint
) -> None:
    await asker.output(system="Be brief.", temperature=0.5, max_tokens=7)
    (request,) = endpoint.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "gpt-4o-mini"
    assert [(m["role"], m["content"]) for m in request.body["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
    ]
    assert request.body["temperature"] == 0.5
    assert 7 in (request.body.get("max_tokens"), request.body.get("max_completion_tokens"))


async def test_another_vendor_is_asked_in_its_own_words(asker: Asker, endpoint: Endpoint) -> None:
    output = await asker.output(model="anthropic:claude-opus-5", max_tokens=100)
    assert (output["result"], output["model"]) == ("Hello.", "anthropic:claude-opus-5")
    (request,) = endpoint.requests
    assert request.path.partition("?")[0] == "/v1/messages"
    assert ANTHROPIC_KEY in request.headers.get("x-api-key", request.headers["authorization"])


async def test_a_model_without_a_price_has_no_cost(asker: Asker) -> None:
    output = await asker.output(model="openai:our-own-model")
    assert "cost" not in output
    assert output["usage"] == {"input_tokens": 10, "output_tokens": 5}


async def test_without_usage_none_is_told(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(usage=False))
    assert await asker.output() == {
        "result": "Hello.",
        "model": "openai:gpt-4o-mini",
        "finish_reason": "stop",
    }


async def test_template_marks_in_an_answer_stay_text(asker: Asker, endpoint: Endpoint) -> None:
    marks = "{{ execution.input }} {% raw %}{{ secrets.X }}"
    endpoint.queue(Act(marks))
    document = {
        "name": "two",
        "dag": {
            "nodes": [
                {"id": "one", "handler": "call_llm_service", "config": {"prompt": "Hi"}},
                {
                    "id": "two",
                    "handler": "call_llm_service",
                    "dependencies": ["one"],
                    "config": {"prompt": "Say {{ one.output.result }}"},
                },
            ]
        },
    }
    await asker.engine.run(document)
    assert endpoint.prompts[1] == f"Say {marks}"


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("{{ execution.input.list }}", '["ä",1]'),
        ("{{ execution.input.object }}", '{"a":null}'),
        ("{{ execution.input.list[0] }}", "ä"),
        ("It: {{ execution.input.list }}", 'It: ["ä",1]'),
    ],
)
async def test_a_prompt_that_is_a_value_is_its_json(
    asker: Asker, endpoint: Endpoint, prompt: str, sent: str
) -> None:
    await asker.output(prompt=prompt)
    assert endpoint.prompts == [sent]


@pytest.mark.parametrize("value", ["object.a", "list[1]"])
async def test_a_prompt_that_is_no_text_is_refused(
    asker: Asker, endpoint: Endpoint, value: str
) -> None:
    error = await asker.error(prompt=f"{{{{ execution.input.{value} }}}}")
    assert (error["type"], error["retryable"]) == ("InvalidConfig", False)
    assert endpoint.requests == []


async def test_a_running_stream_tells_its_watchers_and_its_log_nothing(
    asking: Asking, endpoint: Endpoint
) -> None:
    endpoint.queue(Act("A long answer in pieces."))
    async with asking() as asker:
        execution = await asker.submitted(stream=True)
        seen: list[Any] = []

        async def watch() -> None:
            seen.extend([each async for each in asker.engine.events(execution, transient=True)])

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        await asker.engine.trigger(execution)
        await asyncio.wait_for(watching, 20)
        result = await asker.engine.wait(execution)
        stored = [each async for each in asker.engine.events(execution)]
    tokens = [each for each in seen if isinstance(each, Message)]
    assert len(tokens) > 3
    assert {(each.kind, each.key) for each in tokens} == {("token", "ask")}
    assert tokens[0].data == {"text": "A l", "model": "openai:gpt-4o-mini", "request": 1}
    assert "".join(each.data["text"] for each in tokens) == "A long answer in pieces."
    assert result.results["ask"]["result"] == "A long answer in pieces."
    assert result.results["ask"]["usage"] == {"input_tokens": 10, "output_tokens": 5}
    assert "pieces" not in repr(stored)


async def test_usage_and_cost_are_summed_per_execution(asker: Asker) -> None:
    nodes = [
        {"id": name, "handler": "call_llm_service", "config": {"prompt": name}} for name in "abc"
    ]
    result = await asker.engine.run({"name": "three", "dag": {"nodes": nodes}})
    one = result.results["a"]["cost"]
    assert result.usage == {
        "requests": 3,
        "input_tokens": 30,
        "output_tokens": 15,
        "cost": pytest.approx(3 * one),
    }


async def test_an_answer_that_cannot_be_used_costs_as_well(
    asker: Asker, endpoint: Endpoint
) -> None:
    endpoint.queue(Act(text=" "), Act())
    result = await asker.result()
    assert (str(result.status), result.usage["requests"]) == ("COMPLETED", 2)
    assert result.usage["output_tokens"] == 10


async def test_options_go_to_the_provider_that_they_are_for(
    asker: Asker, endpoint: Endpoint
) -> None:
    await asker.output(
        provider_options={
            "openai": {"seed": 7, "user": "u1", "extra_body": {"top_k": 3}, "timeout": 20},
            "anthropic": {"top_k": 5},
        },
    )
    body = endpoint.requests[0].body
    assert (body["seed"], body["user"], body["top_k"]) == (7, "u1", 3)


@pytest.mark.parametrize("option", ["max_retries", "extra_headers", "temprature", "base_url"])
async def test_an_option_that_is_not_one_is_refused(
    asker: Asker, endpoint: Endpoint, option: str
) -> None:
    error = await asker.error(provider_options={"openai": {option: 1}})
    assert (error["type"], error["retryable"]) == ("InvalidConfig", False)
    assert option in error["message"]
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model": "openai:x", "provider_options": {"anthropic": {}}}, "is not asked"),
        ({"provider_options": {"openai": {"timeout": "soon"}}}, "number of seconds"),
        ({"output_schema": {"type": "array"}}, '"type": "object"'),
        ({"output_schema": {"type": "object", "$ref": "http://x/y"}}, "nothing is fetched"),
        ({"temperature": 3}, "less than or equal to 2"),
        ({"max_tokens": 0}, "greater than or equal to 1"),
        ({"model": []}, "at least 1 item"),
        ({"models": "a:b"}, "takes no"),
    ],
)
async def test_a_config_that_cannot_work_is_refused_at_submit(
    asker: Asker, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(DocumentRefused, match=said):
        await asker.submitted(**config)


@pytest.mark.parametrize(
    ("path", "said"),
    [("titel", "titel"), ("finish_reason.x", "x"), ("usage.input_token", "input_token")],
)
async def test_what_the_output_cannot_have_is_refused_at_submit(
    asker: Asker, path: str, said: str
) -> None:
    schema = {
        "type": "object",
        "properties": {"titel": {"$ref": "#/$defs/text"}},
        "additionalProperties": False,
        "$defs": {"text": {"type": "string"}},
    }
    nodes = [
        {
            "id": "one",
            "handler": "call_llm_service",
            "config": {"prompt": "Hi", "output_schema": schema},
        },
        {
            "id": "two",
            "handler": "output",
            "dependencies": ["one"],
            "config": {"value": f"{{{{ one.output.{path} }}}}"},
        },
    ]
    document = {"name": "two", "dag": {"nodes": nodes}}
    problems = await asker.engine.check(document)
    assert [said in problem.message for problem in problems] == [True]
    nodes[1]["config"] = {"value": "{{ one.output.result.titel }}"}
    assert await asker.engine.check(document) == []


async def test_the_operators_echo_goes_before_what_a_node_names(
    asking: Asking, endpoint: Endpoint
) -> None:
    async with asking(llm_provider="echo") as asker:
        result = await asker.result(model="openai:gpt-4o-mini")
    assert result.results["ask"] == {"result": "LLM generated a summary for the prompt 'Hi'"}
    assert result.notices == ("[echo provider: no model was called]",)
    assert (endpoint.requests, result.usage) == ([], {})


async def test_an_embedded_engine_without_settings_echoes_unless_a_node_names_a_model(
    endpoint: Endpoint,
) -> None:
    async with Engine() as engine:
        asker = Asker(engine)
        assert await asker.output() == {"result": "LLM generated a summary for the prompt 'Hi'"}
        assert (await asker.output(model="openai:gpt-4o-mini"))["result"] == "Hello."


async def test_a_name_without_a_provider_is_of_the_operators_provider(
    asking: Asking, endpoint: Endpoint
) -> None:
    async with asking(llm_provider="openai", llm_model="") as asker:
        assert (await asker.output(model="gpt-4o"))["model"] == "openai:gpt-4o"
        assert (await asker.error())["type"] == "NoProvider"
    async with asking(llm_model="gpt-4o") as asker:
        assert (await asker.error())["type"] == "UnknownModel"
