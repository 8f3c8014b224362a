"""Whether a URL leads to an HTTP service at all, asked before every hop."""

import re
from typing import Final

import httpx

from wfcore.errors import NodeError
from wfcore.outbound.address import NotAHost, address_in, is_name

__all__ = ["check_url", "port_of", "read_url", "shown"]

_USERINFO: Final = re.compile(r"//[^/?#]*@")
_LONGEST_SHOWN: Final = 200


def read_url(text: str) -> httpx.URL:
    """Read what a workflow or a plugin gives as a URL, and check it.

    Raises:
        NodeError: `InvalidUrl`.

    """
    try:
        url = httpx.URL(text)
        # A host that is no punycode shows itself only when it is asked for.
        _ = url.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise NodeError("InvalidUrl", f"{_shown_text(text)!r} is not a URL: {error}") from error
    check_url(url)
    return url


def check_url(url: httpx.URL) -> None:
    """Refuse what resolvers and sockets would fail on, each in a way of its own.

    Raises:
        NodeError: `InvalidUrl`.

    """
    fault = _fault(url)
    if fault is not None:
        raise NodeError("InvalidUrl", f"{shown(url)!r} cannot be requested: {fault}")


def shown(url: httpx.URL) -> str:
    """Return the URL as errors show it: without password and query, where tokens live."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def port_of(url: httpx.URL) -> int:
    """Return the port that a checked URL leads to."""
    return url.port or (443 if url.scheme == "https" else 80)


def _fault(url: httpx.URL) -> str | None:
    if url.scheme not in {"http", "https"}:
        return "it does not start with http:// or https://"
    if url.userinfo:
        return "it has a user or a password in it, which belong into auth or a header"
    if url.port is not None and not 0 < url.port < 65536:
        return f"there is no port {url.port}"
    return None if _is_host(url.raw_host.decode("ascii")) else _NO_HOST


_NO_HOST: Final = "its host is neither a name nor an address"


def _is_host(host: str) -> bool:
    try:
        return address_in(host) is not None or is_name(host)
    except NotAHost:
        return False


def _shown_text(text: str) -> str:
    """Return what is no URL as errors show it, by the same rule."""
    return _USERINFO.sub("//", text.partition("?")[0].partition("#")[0])[:_LONGEST_SHOWN]
