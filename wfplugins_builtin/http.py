"""The `call_external_service` handler: one HTTP request, its body as the output."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from time import perf_counter
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from wfcore import Handler, HttpResponse, NodeContext, NodeError, Secret

__all__ = ["CallExternalService"]

Scalar: TypeAlias = str | int | float | bool
Pairs: TypeAlias = dict[str, Scalar | list[Scalar]]

_CLOSED = ConfigDict(extra="forbid")
_RETRYABLE = {408, 425, 429}
_BEGINNING = 1024
_LONG_TO_PARSE = 256 * 1024


def _upper(method: str) -> str:
    if method.upper() == "CONNECT":
        raise ValueError("CONNECT opens a tunnel and is no request")
    return method.upper()


Method: TypeAlias = Annotated[
    str, Field(max_length=32, pattern="^[A-Za-z]+([_-][A-Za-z]+)*$"), AfterValidator(_upper)
]
Status: TypeAlias = (
    Annotated[int, Field(ge=200, le=599)] | Annotated[str, Field(pattern="^[2-5]xx$")]
)


class Basic(BaseModel):
    """A user and a password, as HTTP Basic has it."""

    model_config: ClassVar[ConfigDict] = _CLOSED

    type: Literal["basic"]
    username: Annotated[str, Field(pattern="^[^:]*$")]
    password: str

    def header(self) -> str:
        """Return the value of `Authorization`."""
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()


class Bearer(BaseModel):
    """A token, as OAuth 2 and most APIs have it."""

    model_config: ClassVar[ConfigDict] = _CLOSED

    type: Literal["bearer"]
    token: Annotated[str, Field(min_length=1)]

    def header(self) -> str:
        """Return the value of `Authorization`."""
        return f"Bearer {self.token}"


class CallExternalService(Handler):
    """Call a service over HTTP and give its body: JSON as data, anything else as text.

    Every attempt of a node sends the same `Idempotency-Key`, unless `headers` has one. Requests go
    to the internet, and to what the operator opens.
    """

    name = "call_external_service"
    example: ClassVar[Mapping[str, Any] | None] = {
        "url": "https://api.example.com/tickets",
        "query": {"state": "open"},
        "auth": {"type": "bearer", "token": "{{ secrets.TICKETS_TOKEN }}"},
    }
    errors: ClassVar[Mapping[str, str]] = {
        "HttpStatus": "a status that is not expected; 408, 425, 429 and 5xx are tried again",
        "ConnectionFailed": "nobody listens, no such host, TLS failed, or the connection broke; "
        "tried again",
        "Timeout": "the exchange took longer than `timeout`; tried again",
        "OutboundRefused": "the operator has not opened the address",
        "SecretHost": "a secret of the node is not bound to the host; nothing was sent",
        "InvalidUrl": "the URL is none, has a user in it, or another scheme than http and https",
        "InvalidRequest": "a header or the body cannot be sent",
        "InvalidJson": "the body is not the JSON that it says it is",
        "InvalidResponse": "the body cannot be decompressed; tried again where it was cut short",
        "ResponseTooLarge": "the body is larger than the bound",
        "TooManyRedirects": "more than five",
    }

    class Config(BaseModel):
        """The request."""

        model_config: ClassVar[ConfigDict] = _CLOSED

        url: Annotated[str, Field(min_length=1, max_length=8192), Secret]
        """`http://` or `https://`, without user and password."""
        method: Method = "GET"
        """Any but CONNECT. A body or a form needs one."""
        headers: Annotated[dict[str, Scalar], Secret] = Field(default_factory=dict)
        """Strings, numbers and booleans by name."""
        query: Annotated[Pairs, Secret] = Field(default_factory=dict)
        """Added to what the URL has; a list repeats the name."""
        body: Annotated[Any, Secret] = None
        """Text is sent as it is, any other value as JSON."""
        form: Annotated[Pairs | None, Secret] = None
        """In place of a body: sent as a web page's form is."""
        auth: Annotated[Annotated[Basic | Bearer, Field(discriminator="type")] | None, Secret] = (
            None
        )
        """Sent as the header `Authorization`."""
        timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
        """Seconds for the whole exchange, redirects and body included."""
        expect_status: Status | Annotated[list[Status], Field(min_length=1)] | None = None
        """What counts as success: `201`, `"2xx"`, `[200, 404]`. Unset: `2xx`, and `3xx` where
        redirects are not followed."""
        follow_redirects: bool = True
        """At most five are followed."""
        max_response_bytes: Annotated[int, Field(ge=1)] | None = None
        """Bounds the decompressed body, within the engine's own bound."""

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            has_body = "body" in self.model_fields_set
            if has_body and self.form is not None:
                raise ValueError("a request has a body or a form, not both")
            if (has_body or self.form is not None) and "method" not in self.model_fields_set:
                raise ValueError('a body needs a method, such as "method": "POST"')
            names = [name.lower() for name in self.headers]
            if len(set(names)) < len(names):
                raise ValueError("a header is given twice")
            if self.auth is not None and "authorization" in names:
                raise ValueError("there is auth and a header Authorization: leave one away")
            return self

        def expected(self) -> frozenset[int]:
            """Return the statuses that count as success."""
            given = self.expect_status
            if given is None:
                return frozenset(range(200, 300 if self.follow_redirects else 400))
            each = given if isinstance(given, list) else [given]
            return frozenset(status for one in each for status in _statuses(one))

    class Output(BaseModel):
        """The response."""

        data: Any
        """The body: JSON where the response says that it is, else text."""
        status: int
        """The HTTP status."""
        headers: dict[str, str]
        """Names in lower case."""
        elapsed: float
        """Seconds from the request to the end of the response's body."""

    async def run(self, config: Config, context: NodeContext) -> Output:
        try:
            url = _with_query(config.url, config.query)
            headers, body = _sent(config)
        except UnicodeError as error:
            raise NodeError("InvalidRequest", "the request holds what is no text") from error
        headers.setdefault("idempotency-key", context.idempotency_key)
        since = perf_counter()
        response = await context.http.request(
            config.method,
            url,
            headers=headers,
            timeout=config.timeout,
            follow_redirects=config.follow_redirects,
            max_response_bytes=config.max_response_bytes,
            expected=config.expected(),
            **body,
        )
        elapsed = round(perf_counter() - since, 6)
        if response.status not in config.expected():
            raise _status_error(config, response)
        return self.Output(
            data=await _data(response),
            status=response.status,
            headers=dict(response.headers),
            elapsed=elapsed,
        )


def _sent(config: CallExternalService.Config) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers, and the body as the client takes it."""
    headers = {name.lower(): _text(value) for name, value in config.headers.items()}
    if config.auth is not None:
        headers["authorization"] = config.auth.header()
    if config.form is not None:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        return headers, {"content": _encoded(config.form).encode()}
    if "body" not in config.model_fields_set:
        return headers, {}
    if isinstance(config.body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return headers, {"content": config.body.encode()}
    return headers, {"json": config.body}


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encoded(pairs: Pairs) -> str:
    return urlencode(
        [
            (name, _text(value))
            for name, values in pairs.items()
            for value in (values if isinstance(values, list) else [values])
        ]
    )


def _with_query(url: str, query: Pairs) -> str:
    # By characters and not by parsing: two parsers of URLs see two hosts sooner or later.
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{_encoded(query)}{mark}{fragment}"


def _statuses(one: int | str) -> range:
    if isinstance(one, int):
        return range(one, one + 1)
    first = int(one[0]) * 100
    return range(first, first + 100)


async def _data(response: HttpResponse) -> Any:
    if not response.is_json:
        return response.text
    if len(response.body) < _LONG_TO_PARSE:
        return response.json()
    return await asyncio.to_thread(response.json)


def _status_error(config: CallExternalService.Config, response: HttpResponse) -> NodeError:
    status = response.status
    retryable = status in _RETRYABLE or status >= 500
    asked = f", expected was {config.expect_status}" if config.expect_status is not None else ""
    return NodeError(
        "HttpStatus",
        f"{config.method} {response.url} answered {status}{asked}",
        retryable=retryable,
        retry_after=response.retry_after if retryable else None,
        status=status,
        details={"body": response.text[:_BEGINNING]},
    )
