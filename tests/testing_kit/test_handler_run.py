"""run_handler: a handler called as an engine calls it."""

import asyncio
import threading
from typing import Any

import pytest
from pydantic import BaseModel

from wfcore import Handler, Limits, NodeContext, NodeError, PluginError, handler
from wfcore.testing import FakeContext, run_handler


class Repeat(Handler):
    """Say a text several times."""

    name = "repeat"

    class Config(BaseModel):
        text: str
        times: int = 2

    class Output(BaseModel):
        text: str
        times: int

    async def run(self, config: Config, context: NodeContext) -> Any:
        context.logger.info("repeating")
        return {"text": config.text * config.times, "times": config.times}


async def test_a_class_runs_with_its_validated_config() -> None:
    context = FakeContext()
    output = await run_handler(Repeat, {"text": "ab"}, context)
    assert output == {"text": "abab", "times": 2}
    assert context.log_lines == ["INFO repeating"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"text": "a", "time": 3}, "time"),
        ({"text": "a", "times": "many"}, "times"),
        ({}, "text"),
    ],
)
async def test_a_config_that_does_not_fit_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(NodeError, match=said) as caught:
        await run_handler(Repeat(), config)
    assert caught.value.type == "InvalidConfig"


async def test_a_synchronous_run_gets_a_thread() -> None:
    @handler
    def where(context: NodeContext) -> str:
        return threading.current_thread().name

    output = await run_handler(where)
    assert output["value"] != threading.current_thread().name


async def test_an_output_that_does_not_fit_is_refused() -> None:
    class Wrong(Repeat):
        async def run(self, config: Any, context: NodeContext) -> Any:
            return {"text": 3}

    with pytest.raises(NodeError) as caught:
        await run_handler(Wrong, {"text": "a"})
    assert caught.value.type == "InvalidOutput"


async def test_an_output_that_is_no_json_is_refused() -> None:
    @handler
    def gives_a_set() -> dict[str, Any]:
        return {"set": {1}}

    with pytest.raises(NodeError) as caught:
        await run_handler(gives_a_set)
    assert caught.value.type == "InvalidOutput"


async def test_an_output_beyond_the_limits_is_refused() -> None:
    config = {"text": "a", "times": 2_000}
    with pytest.raises(NodeError) as caught:
        await run_handler(Repeat, config, limits=Limits(max_output_bytes=1024))
    assert caught.value.type == "OutputTooLarge"
    assert (await run_handler(Repeat, config))["times"] == 2_000


async def test_what_it_raises_is_raised() -> None:
    @handler
    async def broken() -> str:
        raise NodeError("Busy", "not now", retryable=True)

    with pytest.raises(NodeError, match="not now"):
        await run_handler(broken)


async def test_what_no_engine_would_take_is_refused() -> None:
    class Nameless(Handler):
        def run(self, config: Any, context: NodeContext) -> Any:
            return {}

    with pytest.raises(PluginError, match="has no `name`"):
        await run_handler(Nameless)


async def test_a_run_can_be_cancelled() -> None:
    @handler
    async def sleepy() -> str:
        await asyncio.sleep(60)
        return "never"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run_handler(sleepy)
