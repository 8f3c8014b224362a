"""The `call_external_service` handler: one HTTP request, its body as the output."""

from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wfcore import Handler, HttpResponse, NodeContext, NodeError

__all__ = ["CallExternalService"]

Scalar: TypeAlias = str | int | float | bool

_RETRYABLE = {408, 425, 429}
_LONGEST_WAIT = 3600.0


class CallExternalService(Handler):
    """Call a service over HTTP and give its body: JSON as data, anything else as text."""

    name = "call_external_service"

    class Config(BaseModel):
        """The request."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        url: Annotated[str, Field(min_length=1, max_length=8192)]
        method: Literal["GET", "POST"] = "GET"
        headers: dict[str, Scalar] = Field(default_factory=dict)
        query: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)
        """Added to what the URL has; a list repeats the name."""
        body: Any = None
        """With POST: text is sent as it is, any other value as JSON."""
        timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
        """Seconds for the whole exchange, redirects and body included."""

        @model_validator(mode="after")
        def _body_needs_post(self) -> Self:
            if self.method == "GET" and "body" in self.model_fields_set:
                raise ValueError('a body needs "method": "POST"')
            return self

    class Output(BaseModel):
        """The response."""

        data: Any

    async def run(self, config: Config, context: NodeContext) -> Output:
        headers = {name.lower(): _text(value) for name, value in config.headers.items()}
        headers.setdefault("idempotency-key", context.idempotency_key)
        url = _with_query(config.url, config.query)
        if "body" not in config.model_fields_set:
            response = await context.http.request(
                config.method, url, headers=headers, timeout=config.timeout
            )
        elif isinstance(config.body, str):
            headers.setdefault("content-type", "text/plain; charset=utf-8")
            response = await context.http.request(
                config.method,
                url,
                headers=headers,
                content=config.body.encode(),
                timeout=config.timeout,
            )
        else:
            response = await context.http.request(
                config.method, url, headers=headers, json=config.body, timeout=config.timeout
            )
        if response.status >= 300:
            raise _status_error(config.method, response)
        return self.Output(data=response.json() if response.is_json else response.text)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_query(url: str, query: dict[str, Scalar | list[Scalar]]) -> str:
    if not query:
        return url
    pairs = [
        (name, _text(value))
        for name, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    try:
        parts = urlsplit(url)
        added = urlencode(pairs)
    except ValueError as error:
        raise NodeError("InvalidUrl", f"{url!r} is not a URL: {error}") from error
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, added]))))


def _status_error(method: str, response: HttpResponse) -> NodeError:
    status = response.status
    retryable = status in _RETRYABLE or status >= 500
    return NodeError(
        "HttpStatus",
        f"{method} {response.url} answered {status}",
        retryable=retryable,
        retry_after=_retry_after(response) if retryable else None,
        status=status,
        details={"body": response.text[:1024]},
    )


def _retry_after(response: HttpResponse) -> float | None:
    """Return the seconds that the service asks for, an hour at most; a date is not understood."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdigit() else None
