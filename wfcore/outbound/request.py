"""One request as it is sent: a checked URL, headers that HTTP allows, a body in bytes."""

import json as jsonlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from wfcore.errors import NodeError
from wfcore.outbound.http import UNSET
from wfcore.outbound.url import read_url, shown

__all__ = ["Request"]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_DEFAULTS: Final = {"user-agent": "wfcore", "accept": "*/*", "accept-encoding": "gzip, deflate"}
# They say where the connection leads and where the message ends: a second opinion on either is how
# requests are smuggled past a proxy.
_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_HAVE_BODIES: Final = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that can be sent, or sent on to where a redirect leads."""

    method: str
    url: httpx.URL
    headers: Mapping[str, bytes]
    """Names in lower case."""
    body: bytes

    @classmethod
    def build(
        cls, method: str, url: str, headers: Mapping[str, str], json: Any, content: bytes | None
    ) -> "Request":
        """Check and encode what a handler asks for.

        Raises:
            NodeError: `InvalidUrl`, `InvalidRequest`; neither repeats a header's value.

        """
        target = read_url(url)
        if not _TOKEN.fullmatch(method) or method.upper() == "CONNECT":
            raise _invalid(f"{method[:32]!r} is no method that can be sent to {shown(target)}")
        fields = {**_encoded(_DEFAULTS), **_encoded(headers)}
        if json is not UNSET:
            content = _json_bytes(json)
            fields.setdefault("content-type", b"application/json")
        return cls(method, target, fields, content or b"")

    def sent(self) -> httpcore.Request:
        """Return the request as the pool takes it."""
        url = self.url
        headers = [(b"host", url.netloc)]
        headers += [(name.encode(), value) for name, value in self.headers.items()]
        if self.body or self.method in _HAVE_BODIES:
            headers.append((b"content-length", b"%d" % len(self.body)))
        address = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        return httpcore.Request(self.method, address, headers=headers, content=self.body)


def _encoded(headers: Mapping[str, str]) -> dict[str, bytes]:
    fields: dict[str, bytes] = {}
    for given, value in headers.items():
        name = given.lower()
        if not _TOKEN.fullmatch(name):
            raise _invalid(f"{given[:64]!r} is no name of a header")
        if name in fields:
            raise _invalid(f"the header {name} is given twice")
        if name in _OURS:
            raise _invalid(f"the header {name} is not the workflow's to set")
        fields[name] = _value(name, value)
    return fields


def _value(name: str, value: str) -> bytes:
    try:
        if not _FORBIDDEN.search(value):
            return value.strip(" \t").encode()
    except (TypeError, UnicodeError) as error:
        raise _invalid(f"the header {name} has a value that is no text") from error
    raise _invalid(f"the header {name} has a value that HTTP does not allow")


def _json_bytes(value: Any) -> bytes:
    try:
        text = jsonlib.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid(f"the body is no JSON: {type(error).__name__}") from error


def _invalid(message: str) -> NodeError:
    return NodeError("InvalidRequest", message)
