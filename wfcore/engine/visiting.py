"""The `NodeContext` of a handler that runs on another event loop than the engine's."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from wfcore.outbound.http import HttpClient, HttpResponse
from wfcore.plugins.context import NodeContext
from wfcore.plugins.llm import LlmAnswer, LlmProvider, LlmQuestion

__all__ = ["VisitingContext"]

T = TypeVar("T")


class VisitingContext(NodeContext):
    """What is awaited here runs on the loop that the context belongs to: `home`."""

    def __init__(self, context: NodeContext, home: asyncio.AbstractEventLoop) -> None:
        self.execution_id = context.execution_id
        self.node = context.node
        self.attempt = context.attempt
        self.idempotency_key = context.idempotency_key
        self.handler = context.handler
        self.workflow = context.workflow
        self.labels = context.labels
        self.config = context.config
        self.http = _VisitingClient(context.http, home)
        self._context = context
        self._home = home

    @property
    def logger(self) -> logging.Logger:
        return self._context.logger

    @property
    def elapsed(self) -> float:
        return self._context.elapsed

    @property
    def now(self) -> datetime:
        return self._context.now

    def llm_provider(self, name: str) -> LlmProvider | None:
        provider = self._context.llm_provider(name)
        return None if provider is None else _VisitingProvider(provider, self._context, self._home)

    async def outputs(self) -> dict[str, dict[str, Any]]:
        return await _at(self._home, self._context.outputs())

    async def input(self) -> Any:
        return await _at(self._home, self._context.input())

    def setting(self, name: str) -> str | None:
        return self._context.setting(name)

    def notice(self, text: str) -> None:
        self._context.notice(text)

    def progress(self, fraction: float | None, message: str = "") -> None:
        self._context.progress(fraction, message)

    def emit(self, kind: str, data: Any) -> None:
        self._context.emit(kind, data)

    def meter(self, name: str, amount: float) -> None:
        self._context.meter(name, amount)

    @property
    def cancelled(self) -> bool:
        return self._context.cancelled


class _VisitingClient:
    """An `HttpClient` whose connections belong to another loop."""

    def __init__(self, client: HttpClient, home: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._home = home

    async def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        return await _at(self._home, self._client.request(method, url, **options))


class _VisitingProvider:
    """An `LlmProvider` whose clients belong to another loop."""

    def __init__(
        self, provider: LlmProvider, context: NodeContext, home: asyncio.AbstractEventLoop
    ) -> None:
        self._provider = provider
        self._context = context
        self._home = home

    async def ask(self, model: str, question: LlmQuestion, context: NodeContext) -> LlmAnswer:  # noqa: ARG002 - it gets the context of its own loop
        return await _at(self._home, self._provider.ask(model, question, self._context))

    async def close(self) -> None:
        await _at(self._home, self._provider.close())


async def _at(home: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    try:
        there = asyncio.run_coroutine_threadsafe(work, home)
    except RuntimeError:
        # The engine was closed, and its loop with it.
        work.close()
        raise
    return await asyncio.wrap_future(there)
