"""Services that misbehave: what the node's error says, and whether asking again may help."""

import asyncio
import json
import time
from typing import Any

import pytest

from tests.llm.conftest import Asker, Asking
from tests.llm.endpoint import Act, Endpoint


def refusal(code: str, message: str = "no") -> str:
    return json.dumps({"error": {"message": message, "type": "t", "code": code}})


CASES: list[tuple[str, Act, str, bool, int | None]] = [
    ("rate limit", Act(status=429), "RateLimited", True, 429),
    ("quota", Act(status=429, body=refusal("insufficient_quota")), "QuotaExceeded", False, 429),
    ("no credit", Act(status=402), "QuotaExceeded", False, 402),
    ("overload", Act(status=529), "Overloaded", True, 529),
    ("unavailable", Act(status=503), "Overloaded", True, 503),
    ("server error", Act(status=500), "ServerError", True, 500),
    ("bad gateway as a page", Act(status=502, body="<html>"), "ServerError", True, 502),
    ("gateway timeout", Act(status=504), "ServerError", True, 504),
    ("request timeout", Act(status=408), "HttpStatus", True, 408),
    ("teapot", Act(status=418), "HttpStatus", False, 418),
    ("key refused", Act(status=401), "AuthenticationFailed", False, 401),
    ("forbidden", Act(status=403), "AuthenticationFailed", False, 403),
    ("no such model", Act(status=404), "ModelNotFound", False, 404),
    ("bad request", Act(status=400), "RequestRejected", False, 400),
    (
        "too long",
        Act(status=400, body=refusal("context_length_exceeded")),
        "ContextTooLong",
        False,
        400,
    ),
    (
        "prompt filtered",
        Act(status=400, body=refusal("content_policy_violation")),
        "ContentFiltered",
        False,
        400,
    ),
    ("answer filtered", Act(finish="content_filter"), "ContentFiltered", False, None),
    ("refused", Act(refusal="I may not."), "ContentFiltered", False, None),
    ("cut at the model's limit", Act(finish="length"), "TruncatedAnswer", False, None),
    ("empty", Act(text=""), "MalformedAnswer", True, None),
    ("no JSON", Act(body="Hello."), "MalformedAnswer", True, None),
    ("JSON of something else", Act(body='{"hello": 1}'), "MalformedAnswer", True, None),
    ("reset", Act(breaks="reset"), "ConnectionFailed", True, None),
    ("cut off", Act(breaks="cut"), "ConnectionFailed", True, None),
]


@pytest.mark.parametrize(
    ("act", "type", "retryable", "status"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
async def test_each_failure_is_one_request_and_one_error(
    asker: Asker, endpoint: Endpoint, act: Act, type: str, retryable: bool, status: int | None
) -> None:
    endpoint.queue(act)
    error = await asker.error()
    assert (error["type"], error["retryable"], error.get("status")) == (type, retryable, status)
    assert "openai:gpt-4o-mini" in error["message"]
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("breaks", ["cut", "silent"])
async def test_a_stream_that_breaks_off_is_no_answer(
    asker: Asker, endpoint: Endpoint, breaks: str
) -> None:
    endpoint.queue(Act(text="Half of an answer", breaks=breaks))
    error = await asker.error(stream=True)
    assert error["type"] in {"ConnectionFailed", "MalformedAnswer"}
    assert error["retryable"] is True
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 401])
async def test_a_stream_that_never_begins_fails_as_any_request(
    asker: Asker, endpoint: Endpoint, status: int
) -> None:
    endpoint.queue(Act(status=status))
    assert (await asker.error(stream=True))["status"] == status
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "model", ["anthropic:claude-opus-5", "google:gemini-3-flash-preview", "openai:gpt-4o"]
)
@pytest.mark.parametrize("status", [429, 500, 529])
async def test_no_vendors_client_tries_again_by_itself(
    asker: Asker, endpoint: Endpoint, model: str, status: int
) -> None:
    endpoint.queue(Act(status=status, headers={"retry-after": "0"}))
    error = await asker.error(model=model, max_tokens=100)
    assert (error["status"], error["retryable"]) == (status, True)
    assert len(endpoint.requests) == 1


async def test_retries_are_the_nodes_own(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(status=500), Act(status=503))
    result = await asker.result()
    assert str(result.status) == "COMPLETED"
    assert len(endpoint.requests) == 3


async def test_retry_after_is_waited(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(status=429, headers={"retry-after": "1"}))
    begin = time.monotonic()
    assert (await asker.output())["result"] == "Hello."
    assert time.monotonic() - begin >= 1


async def test_what_cannot_be_mended_is_not_tried_again(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(status=400, body=refusal("bad", "temperature is too hot")))
    result = await asker.result()
    assert "temperature is too hot" in result.errors["ask"]["message"]
    assert len(endpoint.requests) == 1


async def test_an_answer_cut_where_the_node_wanted_it_is_given(
    asker: Asker, endpoint: Endpoint
) -> None:
    endpoint.queue(Act(text="Half of", finish="length"))
    output = await asker.output(max_tokens=2)
    assert (output["result"], output["finish_reason"]) == ("Half of", "length")


async def test_a_request_has_a_time_limit_of_its_own(asker: Asker, endpoint: Endpoint) -> None:
    held = asyncio.Event()
    endpoint.queue(Act(held=held))
    error = await asker.error(provider_options={"openai": {"timeout": 0.2}})
    held.set()
    assert (error["type"], error["retryable"]) == ("Timeout", True)
    assert len(endpoint.requests) == 1


async def test_the_operator_sets_the_time_limit(asking: Asking, endpoint: Endpoint) -> None:
    held = asyncio.Event()
    endpoint.queue(Act(held=held))
    async with asking(llm_timeout="0.2") as asker:
        assert (await asker.error())["type"] == "Timeout"
    held.set()


@pytest.mark.parametrize(
    "setting", [{"llm_timeout": "soon"}, {"llm_timeout": "0"}, {"llm_max_concurrency": "many"}]
)
async def test_a_setting_that_is_none_is_named(asking: Asking, setting: dict[str, str]) -> None:
    async with asking(**setting) as asker:
        error = await asker.error()
    assert error["type"] == "InvalidSetting"
    assert f"APP_{next(iter(setting)).upper()}" in error["message"]


@pytest.mark.parametrize(
    ("model", "type", "said"),
    [
        ("openai", "UnknownModel", "provider:model"),
        ("nobody:x", "UnknownProvider", "no provider 'nobody'"),
        ("openai-codex:x", "UnknownProvider", "signs in as a person"),
        ("groq:x", "ProviderNotInstalled", "groq"),
        ("deepseek:x", "ProviderNotConfigured", "DEEPSEEK_API_KEY"),
    ],
)
async def test_a_model_that_cannot_be_asked_says_what_is_missing(
    asker: Asker, endpoint: Endpoint, model: str, type: str, said: str
) -> None:
    error = await asker.error(model=model)
    assert (error["type"], error["retryable"]) == (type, False)
    assert said in error["message"]
    assert endpoint.requests == []


class TestSeveralModels:
    MODELS = ("openai:first", "openai:second", "anthropic:claude-opus-5")

    @pytest.mark.parametrize(
        "act",
        [
            Act(status=429),
            Act(status=529),
            Act(status=503),
            Act(status=500),
            Act(breaks="reset"),
            Act(status=429, body=refusal("insufficient_quota")),
        ],
        ids=["rate limit", "overload", "unavailable", "server error", "reset", "quota"],
    )
    async def test_the_next_one_is_asked_and_the_output_says_who_answered(
        self, asker: Asker, endpoint: Endpoint, act: Act
    ) -> None:
        endpoint.by_model = {"first": act, "second": act}
        output = await asker.output(model=list(self.MODELS), max_tokens=100)
        assert output["model"] == "anthropic:claude-opus-5"
        asked = [request.body["model"] for request in endpoint.requests]
        assert asked == ["first", "second", "claude-opus-5"]

    async def test_a_timeout_is_a_reason_too(self, asker: Asker, endpoint: Endpoint) -> None:
        held = asyncio.Event()
        endpoint.by_model = {"first": Act(held=held)}
        output = await asker.output(
            model=list(self.MODELS), provider_options={"openai": {"timeout": 0.3}}
        )
        held.set()
        assert output["model"] == "openai:second"

    @pytest.mark.parametrize("status", [400, 401, 404])
    async def test_what_is_wrong_with_the_request_is_told_at_once(
        self, asker: Asker, endpoint: Endpoint, status: int
    ) -> None:
        endpoint.by_model = {"first": Act(status=status)}
        error = await asker.error(model=list(self.MODELS))
        assert error["status"] == status
        assert len(endpoint.requests) == 1

    async def test_where_none_is_to_be_had_the_error_tells_of_all(
        self, asker: Asker, endpoint: Endpoint
    ) -> None:
        endpoint.by_model = {"first": Act(status=429), "second": Act(status=401)}
        error = await asker.error(model=list(self.MODELS))
        assert (error["type"], error["retryable"]) == ("AuthenticationFailed", True)
        told: list[Any] = error["details"]["models"]
        assert [(each["model"], each["status"]) for each in told] == [
            ("openai:first", 429),
            ("openai:second", 401),
        ]
        assert len(endpoint.requests) == 2
