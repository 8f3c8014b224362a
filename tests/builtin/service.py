"""A real HTTP service on the loopback interface, whose log nobody who calls it can fake."""

import gzip
import json
import socket
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

POSTS = [{"id": 1, "title": "Grüße"}, {"id": 2, "title": "naïve"}]


@dataclass(frozen=True)
class Entry:
    """One request as the service saw it; `at` is its own clock."""

    at: float
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    body: bytes = b""
    content_type: str | None = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Service:
    """Answers by path (`_ROUTES`), and logs every request before it answers.

    `hold` paths wait until `release` is set; `release` is set as the service closes.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.log: list[Entry] = []
        self.release = threading.Event()
        server = _Server6 if ":" in host else _Server
        self._server = server((host, port), type("Requests", (_Requests,), {"service": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def requests(self, path: str) -> list[Entry]:
        return [entry for entry in self.log if entry.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up: that is what some tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Requests(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_PURGE = do_GET  # noqa: N815

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        entry = Entry(
            time(),
            self.command,
            parts.path,
            parse_qsl(parts.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        self.service.log.append(entry)
        first, _, rest = parts.path[1:].partition("/")
        if first in _RAW:
            self.close_connection = True
            _RAW[first](self, self.service)
            return
        self._answer(_ROUTES.get(first, _not_found)(rest, entry, self.service))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(answer.body)

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
        except OSError:
            # The client had enough: that is what some tests are about.
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...


def _json(value: Any, **more: Any) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False).encode(), **more)


def _not_found(rest: str, entry: Entry, service: Service) -> Answer:
    return _json({"error": "no such path"}, status=404)


def _status(rest: str, entry: Entry, service: Service) -> Answer:
    wait = dict(entry.query).get("retry_after")
    headers = {"Retry-After": wait} if wait is not None else {}
    body = b"the service says " + rest.encode() + b": " + b"x" * 5000
    return Answer(body, "text/plain", int(rest), headers)


def _type(rest: str, entry: Entry, service: Service) -> Answer:
    """Answer with the request's body, under the content type in `?is=`."""
    types = [value for name, value in entry.query if name == "is"]
    return Answer(entry.body, types[0] if types else None)


def _hold(rest: str, entry: Entry, service: Service) -> Answer:
    service.release.wait(30)
    return _json("at last")


def _big(rest: str, entry: Entry, service: Service) -> Answer:
    return Answer(b"x" * int(rest), "text/plain")


def _zipped(rest: str, entry: Entry, service: Service) -> Answer:
    return Answer(gzip.compress(json.dumps(POSTS).encode()), headers={"Content-Encoding": "gzip"})


def _members(rest: str, entry: Entry, service: Service) -> Answer:
    body = gzip.compress(b"[1,") + gzip.compress(b"2]")
    return Answer(body, headers={"Content-Encoding": "gzip"})


def _bomb(rest: str, entry: Entry, service: Service) -> Answer:
    """Answer with `rest` MiB of zeros in a thousandth of the size."""
    squeeze = zlib.compressobj(9, wbits=31)
    body = b"".join(squeeze.compress(bytes(1024 * 1024)) for _ in range(int(rest)))
    return Answer(body + squeeze.flush(), headers={"Content-Encoding": "gzip"})


def _encoded(rest: str, entry: Entry, service: Service) -> Answer:
    return Answer(b"not encoded at all", headers={"Content-Encoding": rest})


def _cut_gzip(rest: str, entry: Entry, service: Service) -> Answer:
    return Answer(gzip.compress(b"[1, 2, 3]")[:-4], headers={"Content-Encoding": "gzip"})


def _redirect(rest: str, entry: Entry, service: Service) -> Answer:
    """Answer with `rest` redirects to /echo, or with one to `?to=`."""
    status = int(dict(entry.query).get("status", 302))
    left = int(rest or 0)
    to = dict(entry.query).get("to") or (f"/redirect/{left - 1}" if left > 1 else "/echo")
    return Answer(b"x" * 100_000, "text/html", status, {"Location": to})


def _cookie(rest: str, entry: Entry, service: Service) -> Answer:
    return _json(entry.headers.get("cookie"), headers={"Set-Cookie": "session=secret; Path=/"})


_ROUTES: dict[str, Callable[[str, Entry, Service], Answer]] = {
    "posts": lambda *_: _json(POSTS),
    "echo": lambda _rest, entry, _service: _json(
        {
            "method": entry.method,
            "query": entry.query,
            "headers": entry.headers,
            "body": entry.body.decode(errors="replace"),
        }
    ),
    "nothing": lambda *_: Answer(status=200),
    "no_content": lambda *_: Answer(status=204),
    "status": _status,
    "type": _type,
    "hold": _hold,
    "big": _big,
    "zipped": _zipped,
    "members": _members,
    "bomb": _bomb,
    "encoded": _encoded,
    "cut_gzip": _cut_gzip,
    "redirect": _redirect,
    "cookie": _cookie,
}


def _drip(request: BaseHTTPRequestHandler, service: Service) -> None:
    """Send a byte now and then, for ever: no single read ever takes long."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not service.release.wait(0.01):
        try:
            request.wfile.write(b".")
        except OSError:
            return


def _short(request: BaseHTTPRequestHandler, service: Service) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")


def _garbage(request: BaseHTTPRequestHandler, service: Service) -> None:
    request.wfile.write(b"this is no HTTP\r\n\r\n")


def _hang_up(request: BaseHTTPRequestHandler, service: Service) -> None:
    """Say nothing."""


_RAW: dict[str, Callable[[BaseHTTPRequestHandler, Service], None]] = {
    "drip": _drip,
    "short": _short,
    "garbage": _garbage,
    "hang_up": _hang_up,
}
