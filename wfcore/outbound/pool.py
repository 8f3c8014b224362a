"""One pool of connections: a request out, a bounded response or a NodeError back.

Built on httpcore, the part of httpx below its client: there, and only there, the opening of
connections can be replaced, which is where the guard has to stand.
"""

import asyncio
from collections.abc import AsyncGenerator, Container, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpcore
import httpx

from wfcore.errors import NodeError
from wfcore.outbound.body import read_beginning, read_body, too_large
from wfcore.outbound.connecting import GuardedBackend
from wfcore.outbound.guard import Guard, Permit
from wfcore.outbound.http import HttpResponse
from wfcore.outbound.redirect import redirected
from wfcore.outbound.request import Request
from wfcore.outbound.url import port_of, shown

__all__ = ["Pool"]

_MAX_REDIRECTS: Final = 5
_KEEP_ALIVE_SECONDS: Final = 5.0
_FAILURES: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Pool:
    """Connections shared by every node of an engine, and nothing else: no cookies, no proxies.

    What the process's environment says (proxies, .netrc) is not read.
    """

    def __init__(self, guard: Guard) -> None:
        self._connections = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            # How many nodes run at once is the engine's decision, not the pool's.
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(guard),
        )

    def build(
        self, method: str, url: str, headers: Mapping[str, str], json: Any, content: bytes | None
    ) -> Request:
        """Check and encode a request, as `Request.build` says."""
        return Request.build(method, url, headers, json, content)

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.aclose()

    async def request(
        self,
        request: Request,
        *,
        seconds: float,
        follow_redirects: bool,
        limit: int,
        expected: Container[int],
        permit: Permit,
    ) -> HttpResponse:
        """Send one request, as `OutboundClient.request` says."""
        until = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(until):
                request, response = await self._answer(
                    request, permit, follow_redirects=follow_redirects
                )
            try:
                if response.status not in expected:
                    return await _beginning(request, response, limit, until)
                async with asyncio.timeout_at(until):
                    return await _whole(request, response, limit)
            finally:
                if _is_followed_by_more(response):
                    await response.extensions["network_stream"].aclose()
                await response.aclose()
        except TimeoutError as error:
            raise NodeError(
                "Timeout",
                f"{request.method} {shown(request.url)} took longer than {seconds:g} s",
                retryable=True,
            ) from error

    async def _answer(
        self, request: Request, permit: Permit, *, follow_redirects: bool
    ) -> tuple[Request, httpcore.Response]:
        """Return the answer at the end of the redirects, and the request that it answers.

        Redirects' own bodies are not read, whatever their size.
        """
        before: Request | None = None
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._send(request, before, permit)
            if not follow_redirects:
                return request, response
            try:
                location = _header(response.headers, b"location")
                following = redirected(request, response.status, location)
            except NodeError:
                await response.aclose()
                raise
            if following is None:
                return request, response
            await response.aclose()
            request, before = following, request
        raise NodeError(
            "TooManyRedirects",
            f"{shown(request.url)} is the end of more than {_MAX_REDIRECTS} redirects",
        )

    async def _send(
        self, request: Request, before: Request | None, permit: Permit
    ) -> httpcore.Response:
        try:
            permit(request.url.raw_host.decode("ascii"), port_of(request.url))
            return await self._connections.handle_async_request(request.sent())
        except httpcore.LocalProtocolError as error:
            message = f"{request.method} {shown(request.url)} cannot be written as HTTP"
            raise NodeError("InvalidRequest", message) from error
        except _FAILURES as error:
            raise _connection_failed(request, error) from error
        except NodeError as error:
            if before is None:
                raise
            message = f"{shown(before.url)} redirects to {shown(request.url)}: {error.message}"
            raise NodeError(error.type, message, details=error.details) from error


async def _whole(request: Request, response: httpcore.Response, limit: int) -> HttpResponse:
    headers = _headers(response.headers)
    if _announced(headers) > limit and request.method != "HEAD":
        raise too_large(limit)
    async with aclosing(_chunks(request, response)) as chunks:
        body = await read_body(chunks, headers.get("content-encoding", ""), limit)
    return HttpResponse(response.status, headers, body, shown(request.url))


def _is_followed_by_more(response: httpcore.Response) -> bool:
    """Whether the service sent more than its answer.

    Kept alive, the connection would give that to the next request, maybe of another execution, as
    its answer. httpcore does not look (`test_a_body_longer_than_its_length_says_...` does).
    """
    part: Any = response.stream
    for name in ("_stream", "_connection", "_h11_state"):
        part = getattr(part, name, None)
    return bool(part is not None and part.trailing_data[0])


async def _beginning(
    request: Request, response: httpcore.Response, limit: int, until: float
) -> HttpResponse:
    headers = _headers(response.headers)
    async with aclosing(_chunks(request, response)) as chunks:
        body = await read_beginning(chunks, headers.get("content-encoding", ""), limit, until)
    return HttpResponse(response.status, headers, body, shown(request.url))


async def _chunks(request: Request, response: httpcore.Response) -> AsyncGenerator[bytes]:
    try:
        async for chunk in response.aiter_stream():
            yield chunk
    except _FAILURES as error:
        raise _connection_failed(request, error) from error


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _text(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _header(raw: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((_text(value) for name, value in raw if name.lower() == wanted), None)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _announced(headers: dict[str, str]) -> int:
    """Return the length that the response says it has; what arrives is measured all the same."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _connection_failed(request: Request, error: Exception) -> NodeError:
    reason = str(error) or type(error).__name__
    return NodeError(
        "ConnectionFailed",
        f"{request.method} {shown(request.url)} failed: {reason}",
        retryable=True,
    )
