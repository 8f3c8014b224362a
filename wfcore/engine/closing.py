"""Opening and closing what an engine is made of: whatever fails of it, the rest is closed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol

from wfcore.engine.assembly import Assembly, Materials, assemble
from wfcore.engine.bounded import within
from wfcore.plugins.registry import Registry

__all__ = ["close_parts", "open_parts"]

_log = logging.getLogger(__name__)
_CLOSE_SECONDS: Final = 5.0


async def open_parts(given: Materials) -> Assembly:
    """Open the store and the bus, and put the parts together; all are closed where one fails."""
    async with AsyncExitStack() as opened:
        await given.store.open()
        opened.push_async_callback(given.store.close)
        await given.bus.open(given.queues if given.concurrency > 0 else ())
        opened.push_async_callback(given.bus.close)
        parts = assemble(given)
        opened.callback(parts.threads.close)
        opened.push_async_callback(parts.http.close)
        if parts.relay is not None:
            opened.push_async_callback(parts.relay.close)
            await parts.relay.open()
        parts.heart.start()
        opened.pop_all()
    return parts


async def close_parts(
    parts: Assembly, given: Materials, loops: Sequence["asyncio.Task[None]"]
) -> None:
    """Close everything, in this order read from below; raises after that what one of it raised."""
    async with AsyncExitStack() as closing:
        closing.push_async_callback(given.store.close)
        closing.callback(parts.threads.close)
        closing.push_async_callback(parts.http.close)
        if parts.relay is not None:
            closing.push_async_callback(parts.relay.close)
        closing.push_async_callback(given.bus.close)
        closing.push_async_callback(_close_plugins, given.registry)
        closing.push_async_callback(parts.pool.close)
        if parts.presence is not None:
            closing.push_async_callback(parts.presence.leave)
        closing.push_async_callback(parts.heart.stop)
        closing.push_async_callback(parts.worker.close, given.drain_seconds)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


class _Closable(Protocol):
    @property
    def close(self) -> Callable[[], Awaitable[Any]]: ...


async def _close_plugins(registry: Registry) -> None:
    # A handler may ask a provider to its last.
    await _close_all("handler", registry.handlers)
    await _close_all("LLM provider", registry.llm_providers)


async def _close_all(kind: str, named: Mapping[str, _Closable]) -> None:
    """Close each once, all at the same time: those that hang are waited for together."""
    once: dict[int, tuple[str, _Closable]] = {}
    for name, each in named.items():
        once.setdefault(id(each), (name, each))
    await asyncio.gather(*(_close(f"{kind} {name}", each) for name, each in once.values()))


async def _close(named: str, each: _Closable) -> None:
    try:
        await within(_CLOSE_SECONDS, each.close)
    except Exception:  # noqa: BLE001 - a plugin's code: the others close too
        _log.exception("%s did not close", named)
