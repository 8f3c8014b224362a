"""The engine's HTTP client: opened at its first request and off the event loop, then shared."""

import asyncio
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wfcore.errors import NodeError
from wfcore.outbound.allow import AllowList
from wfcore.outbound.guard import Guard, Permit, Resolver, anywhere, resolve
from wfcore.outbound.http import SUCCESS, UNSET, HttpResponse

if TYPE_CHECKING:
    from wfcore.outbound.pool import Pool

__all__ = ["OutboundClient"]

_TIMEOUT: Final = 30.0


class OutboundClient:
    """An `HttpClient` over one guarded pool, which exists from the first request to `close`.

    `allow` holds what the operator opens in the guard (`AllowList.read`). `max_body_bytes` bounds
    every response, after decompression. `resolver` finds the addresses of names.
    """

    def __init__(
        self,
        allow: AllowList | Iterable[str] = (),
        *,
        max_body_bytes: int = 8 * 1024 * 1024,
        resolver: Resolver = resolve,
    ) -> None:
        opened = allow if isinstance(allow, AllowList) else AllowList.read(allow)
        self._guard = Guard(opened, resolver)
        self._max_body_bytes = max_body_bytes
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def request(  # noqa: PLR0913 - what an HTTP request is, all but two by keyword
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = UNSET,
        content: bytes | None = None,
        timeout: float | None = None,
        follow_redirects: bool = True,
        max_response_bytes: int | None = None,
        expected: Container[int] = SUCCESS,
        permit: Permit = anywhere,
    ) -> HttpResponse:
        """Send a request, as `HttpClient.request` says; every hop only where `permit` lets it."""
        pool = self._pool or await self._open()
        most = self._max_body_bytes
        return await pool.request(
            pool.build(method, url, headers or {}, json, content),
            seconds=_TIMEOUT if timeout is None else timeout,
            follow_redirects=follow_redirects,
            limit=most if max_response_bytes is None else min(most, max_response_bytes),
            expected=expected,
            permit=permit,
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
                self._pool = await asyncio.to_thread(_open_pool, self._guard)
            return self._pool


def _open_pool(guard: Guard) -> "Pool":
    # httpx and the TLS certificates take 100 ms to load: only those who send a request pay.
    from wfcore.outbound.pool import Pool  # noqa: PLC0415

    return Pool(guard)
