"""Whether a URL leads to an HTTP service at all, asked before every hop."""

import re
from ipaddress import IPv6Address
from typing import Final

import httpx

from wfcore.errors import NodeError

__all__ = ["check_address", "shown"]

# Beside what DNS allows, the underscore: container networks use it in names.
_LABEL: Final = re.compile(rb"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def check_address(url: httpx.URL) -> None:
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


def _fault(url: httpx.URL) -> str | None:
    if url.scheme not in {"http", "https"}:
        return "it does not start with http:// or https://"
    if url.port is not None and not 0 < url.port < 65536:
        return f"there is no port {url.port}"
    return None if _is_host(url.raw_host) else "its host is neither a name nor an address"


def _is_host(host: bytes) -> bool:
    if b":" in host:
        try:
            IPv6Address(host.decode())
        except ValueError:
            return False
        return True
    name = host.removesuffix(b".")
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split(b"."))
