"""A server, as the command line talks to it: requests, long waits and a stream of events."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed
from wfcore.problems import Problem
from wfcore.settings import Settings

__all__ = ["Client", "SentEvent", "Unreachable"]

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 30.0
_SILENCE_SECONDS: Final = 45.0
"""The server sends something every 15 seconds, if only a comment."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})

Query = Mapping[str, str | int | bool | Sequence[str] | None]


class Unreachable(CommandFailed):
    """The server did not answer, or cannot at the moment: trying again may help."""


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One server-sent event; `id` is empty for those that a stream cannot go on after."""

    name: str
    data: Any
    id: str = ""


class Client:
    """Talks to one server; what it cannot get it raises as `CommandFailed`."""

    def __init__(self, server: str, key: str | None) -> None:
        url = _url(server)
        self.server = str(url.copy_with(username=None, password=None)).rstrip("/")
        self._http = httpx.Client(
            base_url=url,
            headers={"Accept": "application/json", **_authorization(key)},
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            # A proxy is for what is far away.
            trust_env=url.host not in _LOOPBACK,
        )

    @classmethod
    def of(cls, settings: Settings, server: str | None) -> Self:
        """Return the client of `--server`, else of the settings."""
        return cls(server or settings.server_url, settings.api_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def list(self, query: Query) -> Any:
        """Return a page of executions."""
        return self._ask("GET", "workflows", query=query)

    def execution(self, execution: str) -> Any:
        """Return an execution's nodes, without their outputs."""
        return self._ask("GET", _path(execution), query={"outputs": "false"})

    def node(self, execution: str, key: str) -> Any:
        """Return all that is known of a node."""
        return self._ask("GET", _path(execution, "nodes", key))

    def results(self, execution: str, wait: float = 0) -> Any:
        """Return how an execution stands; if need be after so many seconds, 60 at most."""
        query = {"wait": f"{wait:g}"} if wait > 0 else {}
        return self._ask("GET", _path(execution, "results"), query=query, patience=wait)

    def cancel(self, execution: str) -> Any:
        """Cancel an execution."""
        return self._ask("POST", _path(execution, "cancel"))

    def retry(self, execution: str, overrides: Mapping[str, Any] | None) -> Any:
        """Take an execution up again."""
        return self._ask("POST", _path(execution, "retry"), body=overrides)

    def retry_many(self, wanted: Mapping[str, Any]) -> Any:
        """Take up again what matches."""
        return self._ask("POST", "workflows/retry", body=wanted)

    def delete(self, execution: str) -> None:
        """Delete an execution that has ended."""
        self._ask("DELETE", _path(execution))

    def events(self, execution: str, after: str) -> Iterator[SentEvent]:
        """Yield the events of one connection; raises `Unreachable` where it is cut."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if after:
            headers["Last-Event-ID"] = after
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
        path = _path(execution, "events")
        with (
            self._telling(),
            self._http.stream("GET", path, headers=headers, timeout=timeout) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise self._refusal(answer)
            yield from _sent_events(answer)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        patience: float = 0.0,
    ) -> Any:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        with self._telling():
            answer = self._http.request(
                method,
                path,
                params=given,
                json=body,
                timeout=httpx.Timeout(_ANSWER_SECONDS + patience, connect=_CONNECT_SECONDS),
            )
            if not answer.is_success:
                raise self._refusal(answer)
            if not answer.content:
                return None
            try:
                return answer.json()
            except ValueError:
                raise self._stranger(answer) from None

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            message = f"no answer from {self.server}: {said}"
            hint = "is it running? `wf dev` starts one; --server or APP_SERVER_URL names another"
            problem = Problem("server.unreachable", "", message, hint)
            raise Unreachable(Exit.SERVER, [problem]) from error

    def _refusal(self, answer: httpx.Response) -> CommandFailed:
        status = answer.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            message = f"{self.server} wants an API key that it knows ({status})"
            hint = "set APP_API_KEY to one of the server's APP_API_KEYS"
            return CommandFailed.single(Exit.SERVER, "server.unauthorized", message, hint)
        try:
            problems = [Problem(**each) for each in answer.json()["problems"]]
        except (ValueError, TypeError, LookupError):
            problems = []
        if status in _TRY_AGAIN:
            problems = problems or [Problem("server.busy", "", f"{self.server} answered {status}")]
            return Unreachable(Exit.SERVER, problems)
        return CommandFailed(_exit(status), problems) if problems else self._stranger(answer)

    def _stranger(self, answer: httpx.Response) -> CommandFailed:
        kind = answer.headers.get("content-type", "no content type")
        message = (
            f"{self.server} answered {answer.status_code} with {kind}, no server of wfcore does"
        )
        hint = "does --server or APP_SERVER_URL name the right place?"
        return CommandFailed.single(Exit.SERVER, "server.stranger", message, hint)


def _url(server: str) -> httpx.URL:
    try:
        url = httpx.URL(server.strip())
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        message = "the server's address is no http:// or https:// URL"
        raise CommandFailed.single(Exit.USAGE, "usage.server", message)
    return url.copy_with(path=url.path.rstrip("/") + "/", query=None, fragment=None)


def _authorization(key: str | None) -> dict[str, str]:
    if key is None:
        return {}
    if not (key.isascii() and key.isprintable() and " " not in key):
        message = "APP_API_KEY has a space, or what is not printable ASCII"
        raise CommandFailed.single(Exit.USAGE, "setting.invalid", message)
    return {"Authorization": f"Bearer {key}"}


def _path(execution: str, *more: str) -> str:
    return "/".join(("workflows", *(quote(part, safe="") for part in (execution, *more))))


def _exit(status: int) -> Exit:
    if status == httpx.codes.NOT_FOUND:
        return Exit.NOT_FOUND
    return Exit.REFUSED if status < httpx.codes.INTERNAL_SERVER_ERROR else Exit.SERVER


def _sent_events(answer: httpx.Response) -> Iterator[SentEvent]:
    """Yield whole events; what was cut off in the middle is none."""
    fields: dict[str, list[str]] = {}
    for line in _lines(answer):
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        if "data" in fields:
            name = fields.get("event", ["message"])[-1]
            sent = json.loads("\n".join(fields["data"]))
            yield SentEvent(name, sent, fields.get("id", [""])[-1])
        fields = {}


def _lines(answer: httpx.Response) -> Iterator[str]:
    # Not iter_lines: it splits at U+2028 too, which may stand in the JSON.
    rest = b""
    for piece in answer.iter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()
