"""A real HTTP service for tests: on the loopback interface, with the answers that a test sets."""

import json
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from wfcore.outbound.http import UNSET

__all__ = ["HttpRequest", "HttpService"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived: `path` without the query, `headers` with lower-case names."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as a JSON value."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float


class HttpService:
    """Listens at `127.0.0.1`, at a port that is free, in a thread. Use it in a `with` block.

        service.reply("/users", json=[{"id": 1}])
        service.reply("/flaky", status=503, headers={"Retry-After": "1"})
        service.reply("/flaky", json="well again")

    A path has a queue of replies: each is given once, the last one from then on. A path without
    replies answers 404. `requests` has all that arrived, in order, before it was answered.
    """

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self._replies: dict[tuple[str | None, str], deque[_Reply]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        kind = type("Requests", (_Requests,), {"service": self})
        self._server = _Server(("127.0.0.1", 0), kind)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="wf-http-service", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def outbound_allow(self) -> list[str]:
        """What opens the outbound guard for this service, and for nothing else."""
        return [f"127.0.0.1:{self._server.server_port}"]

    def reply(
        self,
        path: str,
        *,
        method: str | None = None,
        status: int = 200,
        json: Any = UNSET,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
    ) -> None:
        """Add an answer to the queue of a path; of all methods, unless one is named.

        `json` is sent as a JSON body, else `body` as it is. `delay` are real seconds.
        """
        sent = dict(headers or {})
        if json is not UNSET:
            body = _json(json)
            sent.setdefault("Content-Type", "application/json")
        data = body.encode() if isinstance(body, str) else body
        key = (method.upper() if method is not None else None, path)
        with self._lock:
            self._replies.setdefault(key, deque()).append(_Reply(status, sent, data, delay))

    def requests_to(self, path: str) -> list[HttpRequest]:
        """Return the requests of one path, in order."""
        return [request for request in self.requests if request.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: HttpRequest) -> _Reply:
        """Write a request down, wait as its reply says, and return that; for the server alone."""
        with self._lock:
            self.requests.append(request)
            reply = self._next(request)
        if reply.delay:
            self._closing.wait(reply.delay)
        return reply

    def _next(self, request: HttpRequest) -> _Reply:
        queue = self._replies.get((request.method, request.path)) or self._replies.get(
            (None, request.path)
        )
        if queue is None:
            said = _json({"error": f"no reply is set for {request.method} {request.path}"})
            return _Reply(404, {"Content-Type": "application/json"}, said, 0.0)
        return queue.popleft() if len(queue) > 1 else queue[0]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up: timeouts are what some tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Requests(BaseHTTPRequestHandler):
    service: HttpService
    protocol_version = "HTTP/1.1"
    # Without it small answers wait for the client's acknowledgement of their headers.
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Serve any method: `BaseHTTPRequestHandler` looks for one function for each."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        request = HttpRequest(
            method=self.command,
            path=parts.path,
            query=parse_qsl(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        reply = self.service.answer(request)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status >= HTTPStatus.OK and reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to stderr."""


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
