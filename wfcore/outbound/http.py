"""What a handler sees of HTTP: a client of one method, and its response. No library's classes."""

import codecs
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from email.message import Message
from enum import Enum
from typing import Any, Final, NoReturn, Protocol

from wfcore.errors import NodeError
from wfcore.outbound.retry_after import seconds_to_wait

__all__ = ["SUCCESS", "UNSET", "HttpClient", "HttpResponse", "Unset"]

# Codecs of the standard library that are no charset of the web, or take quadratic time.
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)


class Unset(Enum):
    """The type of UNSET."""

    UNSET = "UNSET"


UNSET: Final = Unset.UNSET
"""Stands for "not given" where None is a value of its own."""

SUCCESS: Final = range(400)
"""The statuses that are no error."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole response.

    `headers` have lower-case names; a repeated header is joined with commas. `url` is where the
    redirects ended. `body` is decompressed; of a response whose status was not expected, it may be
    only the beginning.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the response says that its body is JSON."""
        return self.media_type in {"application/json", "text/json"} or self.media_type.endswith(
            "+json"
        )

    @property
    def retry_after(self) -> float | None:
        """The seconds that the service asks its callers to wait, an hour at most; or None."""
        return seconds_to_wait(self.headers.get("retry-after", ""), self.headers.get("date", ""))

    @property
    def text(self) -> str:
        """The body as text, in the charset that it declares or UTF-8; what is neither is U+FFFD."""
        return self.body.decode(self._charset(), errors="replace")

    def json(self) -> Any:
        """Return the body as a JSON value, None for an empty body.

        Raises:
            NodeError: `InvalidJson`, where the body is not JSON, or has NaN or Infinity in it.

        """
        if not self.body:
            return None
        try:
            text = self.body.decode(self._charset())
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise NodeError(
                "InvalidJson",
                f"the body of {self.url} is not JSON: {error}",
                status=self.status,
                details={"body": self.text[:1024]},
            ) from error

    def _charset(self) -> str:
        message = Message()
        message["content-type"] = self.headers.get("content-type", "")
        declared = message.get_content_charset("utf-8")
        try:
            name = codecs.lookup(declared).name
            "".encode(name)
        except (LookupError, ValueError):
            return "utf-8-sig"
        return "utf-8-sig" if name == "utf-8" or name in _NO_CHARSETS else name


class HttpClient(Protocol):
    """Sends requests over the engine's pooled connections, where its outbound guard lets them."""

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
    ) -> HttpResponse:
        """Send a request, follow its redirects, and return the response, whatever its status.

        `json` is sent as a JSON body, else `content` as it is. `timeout` bounds the whole
        exchange, in seconds (30 where it is None). `max_response_bytes` bounds the decompressed
        body, within the engine's own bound. Of a response with a status that is not `expected`,
        the body may be only the beginning (64 KiB, 5 seconds), and what is wrong with it is no
        error. At a redirect to another host, only headers that hold no credential go along.

        Raises:
            NodeError: `OutboundRefused`, `InvalidUrl`, `InvalidRequest`, `ResponseTooLarge`,
                `TooManyRedirects`, `InvalidResponse`; retryable: `ConnectionFailed`, `Timeout`.

        """
        ...


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
