"""The engine's HTTP client: opened at its first request and off the event loop, then shared."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wfcore.errors import NodeError
from wfcore.outbound.http import UNSET, HttpResponse

if TYPE_CHECKING:
    from wfcore.outbound.pool import Pool

__all__ = ["OutboundClient"]


class OutboundClient:
    """An `HttpClient` over one pool, which exists from the first request to `close`.

    `max_body_bytes` bounds every response, after decompression.
    """

    def __init__(self, *, max_body_bytes: int = 8 * 1024 * 1024) -> None:
        self._max_body_bytes = max_body_bytes
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = UNSET,
        content: bytes | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        pool = self._pool or await self._open()
        return await pool.request(
            method, url, headers=headers or {}, json=json, content=content, timeout=timeout
        )

    async def close(self) -> None:
        """Close every connection; requests from now on fail."""
        async with self._opening:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _open(self) -> "Pool":
        async with self._opening:
            if self._closed:
                raise NodeError("ConnectionFailed", "the engine is closing", retryable=True)
            if self._pool is None:
                self._pool = await asyncio.to_thread(_open_pool, self._max_body_bytes)
            return self._pool


def _open_pool(max_body_bytes: int) -> "Pool":
    # httpx and the TLS certificates take 100 ms to load: only those who send a request pay.
    from wfcore.outbound.pool import Pool  # noqa: PLC0415

    return Pool(max_body_bytes)
