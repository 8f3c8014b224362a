"""Where a redirect leads, and what of the request goes there."""

from dataclasses import replace
from typing import Final

import httpx

from wfcore.errors import NodeError
from wfcore.outbound.request import Request
from wfcore.outbound.url import check_url, port_of, shown

__all__ = ["redirected"]

_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
# What may go to a host that the workflow did not name. Every other header may hold a credential
# (`X-Api-Key`, `Cookie`, `PRIVATE-TOKEN`, ...), and no list of those is complete.
_HARMLESS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "idempotency-key",
        "prefer",
        "range",
        "user-agent",
    }
)


def redirected(request: Request, status: int, location: str | None) -> Request | None:
    """Return the request that follows an answer, None where the answer is no redirect.

    Raises:
        NodeError: `InvalidUrl`.

    """
    if status not in _STATUSES or location is None:
        return None
    url = _target(request, location)
    headers = dict(request.headers)
    if not _same_place(request.url, url):
        headers = {name: value for name, value in headers.items() if name in _HARMLESS}
    if not _becomes_get(request.method, status):
        return replace(request, url=url, headers=headers)
    headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
    return Request("GET", url, headers, b"")


def _target(request: Request, location: str) -> httpx.URL:
    try:
        url = request.url.join(location)
        _ = url.host
        check_url(url)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        message = f"{shown(request.url)} redirects to what is not a URL"
        raise NodeError("InvalidUrl", message) from error
    except NodeError as error:
        message = f"{shown(request.url)} redirects: {error.message}"
        raise NodeError("InvalidUrl", message) from error
    return url


def _same_place(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether credentials for one URL may go to the other: the same host, no less protected."""
    if one.raw_host != other.raw_host:
        return False
    if one.scheme == other.scheme:
        return port_of(one) == port_of(other)
    return other.scheme == "https" and (port_of(one), port_of(other)) == (80, 443)


def _becomes_get(method: str, status: int) -> bool:
    if status == 303:
        return method not in {"GET", "HEAD"}
    return status in {301, 302} and method == "POST"
