"""One pool of connections on httpx: a request out, a bounded response or a NodeError back."""

import asyncio
import json as jsonlib
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import httpx

from wfcore.errors import NodeError
from wfcore.outbound.address import check_address, shown
from wfcore.outbound.body import read_body
from wfcore.outbound.http import UNSET, HttpResponse

__all__ = ["Pool"]

_TIMEOUT: Final = 30.0
_MAX_REDIRECTS: Final = 5
_HEADERS: Final = {"user-agent": "wfcore", "accept": "*/*", "accept-encoding": "gzip"}


class Pool:
    """Connections shared by every node of an engine, and nothing else: no cookies, no proxies.

    What the process's environment says (proxies, .netrc) is not read.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._client = httpx.AsyncClient(
            headers=_HEADERS,
            timeout=None,  # noqa: S113 - asyncio.timeout bounds the whole exchange
            trust_env=False,
            # How many nodes run at once is the engine's decision, not the pool's.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
        )
        # One execution's cookies are none of the next one's business.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any,
        content: bytes | None,
        timeout: float | None,
    ) -> HttpResponse:
        """Send one request, as `HttpClient.request` says."""
        request = self._build(method, url, headers, json, content)
        seconds = _TIMEOUT if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except TimeoutError as error:
            raise NodeError(
                "Timeout",
                f"{method} {shown(request.url)} took longer than {seconds:g} s",
                retryable=True,
            ) from error

    def _build(
        self, method: str, url: str, headers: Mapping[str, str], json: Any, content: bytes | None
    ) -> httpx.Request:
        try:
            address = httpx.URL(url)
            # A host that is no punycode shows itself only when it is asked for.
            _ = address.host
        except (httpx.InvalidURL, UnicodeError) as error:
            raise NodeError("InvalidUrl", f"{url!r} is not a URL: {error}") from error
        try:
            fields = httpx.Headers(dict(headers), encoding="utf-8")
            if json is not UNSET:
                content = _json_bytes(json)
                fields.setdefault("content-type", "application/json")
            return self._client.build_request(method, address, headers=fields, content=content)
        except (TypeError, ValueError, RecursionError) as error:
            raise NodeError("InvalidRequest", f"{method} {url!r}: {error}") from error

    async def _exchange(self, request: httpx.Request) -> HttpResponse:
        for _ in range(_MAX_REDIRECTS + 1):
            check_address(request.url)
            response = await self._send(request)
            try:
                if response.next_request is None:
                    return await self._whole(response)
                request = response.next_request
            except httpx.TransportError as error:
                raise _connection_failed(request, error) from error
            finally:
                await response.aclose()
        raise NodeError(
            "TooManyRedirects",
            f"{shown(request.url)} is the end of more than {_MAX_REDIRECTS} redirects",
        )

    async def _send(self, request: httpx.Request) -> httpx.Response:
        # httpx itself would read the body of every redirect, whatever its size.
        try:
            return await self._client.send(request, stream=True, follow_redirects=False)
        except UnicodeError as error:
            # The same, for a host that a redirect names.
            message = f"{shown(request.url)} redirects to what is not a URL: {error}"
            raise NodeError("InvalidUrl", message) from error
        except httpx.LocalProtocolError as error:
            message = f"{request.method} {shown(request.url)}: {error}"
            raise NodeError("InvalidRequest", message) from error
        except httpx.TransportError as error:
            raise _connection_failed(request, error) from error

    async def _whole(self, response: httpx.Response) -> HttpResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = await read_body(
            response.aiter_raw(),
            headers.get("content-encoding", ""),
            limit=self._max_body_bytes,
            beginning_only=response.status_code >= 400,
        )
        return HttpResponse(response.status_code, headers, body, shown(response.url))


def _json_bytes(value: Any) -> bytes:
    text = jsonlib.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _connection_failed(request: httpx.Request, error: httpx.TransportError) -> NodeError:
    reason = str(error) or type(error).__name__
    return NodeError(
        "ConnectionFailed",
        f"{request.method} {shown(request.url)} failed: {reason}",
        retryable=True,
    )
