"""The guard and the handler inside an engine: refused by default, opened by the operator."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builtin.service import POSTS, Service
from tests.outbound.raw import answering, raw_service
from wfcore import Engine, ExecutionFailed, Handler, NodeContext, RetryDefaults, handler
from wfcore.outbound.allow import InvalidAllow

QUICK = RetryDefaults(max_retries=3, base_backoff=0.01, retry_delay=0.0)


def calling(url: str, **fields: Any) -> dict[str, Any]:
    config = {"url": url, **fields.pop("config", {})}
    call = {"id": "call", "handler": "call_external_service", "config": config, **fields}
    return {"name": "calling", "dag": {"nodes": [call]}}


@handler
async def plugin(url: str, context: NodeContext) -> int:
    return (await context.http.request("GET", url)).status


def by_plugin(url: str) -> dict[str, Any]:
    return {
        "name": "plugin",
        "dag": {"nodes": [{"id": "call", "handler": "plugin", "config": {"url": url}}]},
    }


@pytest.mark.parametrize("document", [calling, by_plugin])
async def test_an_engine_refuses_what_its_operator_does_not_open(
    service: Service, document: Callable[[str], dict[str, Any]]
) -> None:
    handlers: list[Handler] = [plugin]
    async with Engine(handlers=handlers, retry=QUICK) as engine:
        with pytest.raises(ExecutionFailed) as caught:
            await engine.run(document(service.url("/posts")))
    error = caught.value.errors["call"]
    assert (error["type"], error["retryable"]) == ("OutboundRefused", False)
    assert f"APP_OUTBOUND_ALLOW=127.0.0.1:{service.port} " in error["message"]
    assert service.log == []

    allow = [error["details"]["allow"]]
    async with Engine(handlers=handlers, outbound_allow=allow) as engine:
        await engine.run(document(service.url("/posts")))
    assert len(service.log) == 1


@pytest.mark.parametrize("allow", [["http://h"], "127.0.0.1", ["h:0"]])
def test_what_cannot_be_allowed_is_told_before_the_engine_starts(allow: Any) -> None:
    with pytest.raises(InvalidAllow):
        Engine(outbound_allow=allow)


async def test_every_attempt_of_a_node_sends_one_key_and_another_node_another(
    service: Service,
) -> None:
    document = calling(service.url("/status/503"), retry={"max_attempts": 3})
    async with Engine(retry=QUICK, outbound_allow=["127.0.0.1"]) as engine:
        for _ in range(2):
            with pytest.raises(ExecutionFailed):
                await engine.run(document)
    keys = [entry.headers["idempotency-key"] for entry in service.log]
    assert len(keys) == 6
    assert [len(set(keys[:3])), len(set(keys[3:])), len(set(keys))] == [1, 1, 2]


async def test_what_is_tried_again_and_what_is_not(service: Service) -> None:
    async with Engine(retry=QUICK, outbound_allow=["127.0.0.1"]) as engine:
        for path, attempts in (
            ("/status/404", 1),
            ("/status/429", 4),
            ("/hang_up", 4),
            ("/encoded/br", 1),
            ("/redirect/9", 6),
        ):
            service.log.clear()
            with pytest.raises(ExecutionFailed):
                await engine.run(calling(service.url(path)))
            assert len(service.log) == attempts, path


async def test_the_wait_that_a_service_asks_for_is_waited() -> None:
    head = "503 Busy\r\nRetry-After: Wed, 21 Oct 2015 07:28:01 GMT\r\n"
    head += "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Length: 0"
    async with (
        raw_service(answering(head)) as raw,
        Engine(retry=QUICK, outbound_allow=["127.0.0.1"]) as engine,
    ):
        with pytest.raises(ExecutionFailed) as failed:
            await engine.run(calling(raw.url(), retry={"max_attempts": 2}))
        events = [event async for event in engine.events(failed.value.execution_id)]
    assert raw.connections == 2
    waiting = next(event for event in events if event.to == "WAITING")
    again = next(event for event in events if event.seq > waiting.seq and event.to == "RUNNING")
    assert again.at - waiting.at >= 990


async def test_a_workflow_uses_the_answer_and_what_stands_beside_it(service: Service) -> None:
    document = calling(service.url("/posts"))
    document["dag"]["nodes"].append(
        {
            "id": "said",
            "handler": "output",
            "dependencies": ["call"],
            "config": {
                "value": {
                    "title": "{{ call.output.data[0].title }}",
                    "status": "{{ call.output.status }}",
                    "type": "{{ call.output.headers['content-type'] }}",
                }
            },
        }
    )
    async with Engine(outbound_allow=["127.0.0.1"]) as engine:
        result = await engine.run(document)
    expected = {"title": POSTS[0]["title"], "status": 200, "type": "application/json"}
    assert result.results["said"] == expected


async def test_config_may_be_templates_throughout(service: Service) -> None:
    config = {
        "method": "{{ execution.input.method }}",
        "headers": {"X-Customer": "{{ execution.input.customer }}"},
        "auth": {"type": "bearer", "token": "{{ execution.input.token }}"},
        "form": {"n": "{{ execution.input.n }}"},
        "expect_status": ["{{ execution.input.status }}"],
        "timeout": "{{ execution.input.n }}",
    }
    given = {"method": "put", "customer": "Ada", "token": "t0ken", "n": 5, "status": 200}
    async with Engine(outbound_allow=["127.0.0.1"]) as engine:
        result = await engine.run(calling(service.url("/echo"), config=config), given)
    seen = result.results["call"]["data"]
    assert (seen["method"], seen["body"]) == ("PUT", "n=5")
    assert seen["headers"]["authorization"] == "Bearer t0ken"
    assert seen["headers"]["x-customer"] == "Ada"


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"method": "CONNECT"}, "/method"),
        ({"auth": {"type": "digest"}}, "/auth"),
        ({"auth": {"type": "bearer", "tokn": "x"}}, "/auth"),
        ({"expect_status": "2x"}, "/expect_status"),
        ({"form": {"a": 1}}, ""),
        ({"follow_redirect": False}, "/follow_redirect"),
    ],
)
async def test_mistakes_are_found_when_the_document_is_submitted(
    config: dict[str, Any], pointer: str
) -> None:
    async with Engine() as engine:
        found = await engine.check(calling("https://api.example.com/", config=config))
    assert f"/dag/nodes/0/config{pointer}" in [problem.pointer for problem in found]
