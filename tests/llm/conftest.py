"""Fixtures: a model service on loopback, and engines whose environment leads there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests.llm.endpoint import Endpoint, serving
from wfcore import Engine, Result, RetryDefaults

KEY = "sk-CANARY-of-openai-0123456789"
ANTHROPIC_KEY = "CANARY.of.anthropic.0123456789"
GOOGLE_KEY = "CANARY.of.google.0123456789"

Asking = Callable[..., AbstractAsyncContextManager["Asker"]]


class Asker:
    """An engine that runs one `call_llm_service` node per execution."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def result(self, *, node: Any = None, **config: Any) -> Result:
        execution = await self.submitted(node=node, **config)
        await self.engine.trigger(execution)
        return await self.engine.wait(execution, 30)

    async def submitted(self, *, node: Any = None, **config: Any) -> str:
        asked = {"id": "ask", "handler": "call_llm_service", "config": {"prompt": "Hi", **config}}
        document = {"name": "asking", "dag": {"nodes": [asked | (node or {})]}}
        return await self.engine.submit(document, {"list": ["ä", 1], "object": {"a": None}})

    async def output(self, **config: Any) -> Any:
        result = await self.result(**config)
        assert result.errors == {}
        return result.results["ask"]

    async def error(self, **config: Any) -> Any:
        """Return the error of a node that is tried once."""
        result = await self.result(node={"retry": {"max_attempts": 1}}, **config)
        return result.errors["ask"]


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    async with serving() as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{endpoint.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", endpoint.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", ANTHROPIC_KEY)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", endpoint.url)
        monkeypatch.setenv("GOOGLE_API_KEY", GOOGLE_KEY)
        yield endpoint


@pytest.fixture
def asking(endpoint: Endpoint) -> Asking:
    @asynccontextmanager
    async def opened(store: str = "memory://", **settings: str) -> AsyncIterator[Asker]:
        settings = {"llm_model": "openai:gpt-4o-mini", **settings}
        retry = RetryDefaults(max_retries=3, base_backoff=0.01, retry_delay=0.0)
        async with Engine(store, settings=settings, retry=retry, durability="relaxed") as engine:
            yield Asker(engine)

    return opened


@pytest.fixture
async def asker(asking: Asking) -> AsyncIterator[Asker]:
    async with asking() as asker:
        yield asker
