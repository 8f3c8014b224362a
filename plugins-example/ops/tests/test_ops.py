"""The webhook on a real HTTP service, and the pace of calls."""

import time
from typing import Any

import pytest
import wfcore_ops

from wfcore import Engine, NodeError, handler


@handler
def ping(fails: bool = False) -> str:
    """Answer, or fail."""
    if fails:
        raise NodeError("Down", "as asked")
    return "pong"


def document(*configs: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        {"id": f"n{number}", "handler": "ping", "config": config}
        for number, config in enumerate(configs)
    ]
    return {"name": "Pings", "dag": {"nodes": nodes}}


def engine(**settings: str) -> Engine:
    given = {f"wfcore_ops_{name}": value for name, value in settings.items()}
    return Engine(plugins=[wfcore_ops], handlers=[ping], discover=False, settings=given)


async def test_only_the_ends_that_are_asked_for_are_posted(wf_http: Any) -> None:
    wf_http.reply("/hook", status=200)
    async with engine(webhook_url=f"{wf_http.url}/hook") as running:
        await running.run(document({}))
        failed, _ = await running.start_execution(document({"fails": True}))
        await running.wait(failed)
    [request] = wf_http.requests
    assert request.json() == {"text": f"execution {failed} FAILED"}


async def test_a_webhook_that_is_down_for_a_moment_is_told_again(wf_http: Any) -> None:
    wf_http.reply("/hook", status=503)
    wf_http.reply("/hook", status=200)
    async with engine(webhook_url=f"{wf_http.url}/hook", webhook_on="completed") as running:
        await running.run(document({}))
        deadline = time.monotonic() + 10
        while len(wf_http.requests) < 2 and time.monotonic() < deadline:
            await running.wait((await running.start_execution(document({"fails": True})))[0])
    assert len({request.body for request in wf_http.requests}) == 1


async def test_calls_begin_at_the_pace_that_is_set() -> None:
    async with engine(rates='{"ping": 20}') as running:
        begun = time.monotonic()
        await running.run(document({}, {}, {}, {}, {}))
        assert time.monotonic() - begun >= 4 / 20


def test_a_rate_that_is_none_is_said() -> None:
    with pytest.raises(Exception, match="APP_WFCORE_OPS_RATES"):
        engine(rates='{"ping": 0}')
