"""A small HTTP service that stands in for those which workflows call, and keeps a ledger.

    python examples/service.py [PORT [HOST]]

    GET /posts     the text that the seed's example expects of api.example.com
    GET /slow/N    {"number": N}, after half a second or a little more
    GET /flaky     503 twice for every idempotency key, then {"answer": "at last"}

The ledger is the service's own account of who asked for what, and when.
"""

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

PORT: Final = 8099
_POSTS: Final = "Response from https://api.example.com/posts"


@dataclass(slots=True)
class Entry:
    """One request; times are seconds since the epoch."""

    path: str
    key: str
    """Its Idempotency-Key."""
    begun: float
    answered: float | None = None


class Service(ThreadingHTTPServer):
    """Serves in threads; `ledger` holds every request in the order of their beginning."""

    daemon_threads = True
    allow_reuse_address = True
    # The default of 5 makes a burst of connections wait a second for its second SYN.
    request_queue_size = 128

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__((host, port), Request)
        self.ledger: list[Entry] = []
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hung up: one is killed on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        """Where it listens, as `--allow` takes it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def note(self, path: str, key: str) -> Entry:
        """Write a request into the ledger."""
        entry = Entry(path, key, time.time())
        with self.lock:
            self.ledger.append(entry)
            self.asked[key] += 1
        return entry

    def answered(self, path: str) -> int:
        """Return how many requests below a path have been answered."""
        with self.lock:
            return sum(
                1
                for each in self.ledger
                if each.path.startswith(path) and each.answered is not None
            )


class Request(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a GET."""
        key = self.headers.get("Idempotency-Key", "")
        entry = self._service.note(self.path, key)
        try:
            self._answer(key)
        except OSError:
            # Whoever asked is gone: killed in the middle, as the demo does.
            self.close_connection = True
            return
        entry.answered = time.time()

    @property
    def _service(self) -> Service:
        assert isinstance(self.server, Service)
        return self.server

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the ledger is the log."""

    def _answer(self, key: str) -> None:
        _, name, *rest = self.path.split("/")
        if name == "posts":
            self._send(HTTPStatus.OK, "text/plain; charset=utf-8", _POSTS)
        elif name == "slow" and rest and rest[0].isdigit():
            number = int(rest[0])
            time.sleep(_slowness(number))
            self._send_json(HTTPStatus.OK, {"number": number})
        elif name == "flaky" and self._service.asked[key] <= 2:
            self._send_json(HTTPStatus.SERVICE_UNAVAILABLE, {"answer": "not yet"})
        elif name == "flaky":
            self._send_json(HTTPStatus.OK, {"answer": "at last"})
        else:
            self._send_json(HTTPStatus.NOT_FOUND, {"answer": f"no {self.path}"})

    def _send_json(self, status: HTTPStatus, body: object) -> None:
        self._send(status, "application/json", json.dumps(body))

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _slowness(number: int) -> float:
    return 0.5 + number * 7 % 10 / 20


def start(port: int = PORT) -> Service:
    """Serve in a thread of this process; a free port where this one is taken."""
    try:
        service = Service(port)
    except OSError:
        service = Service(0)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    return service


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    with Service(int(given.get(1, PORT)), given.get(2, "127.0.0.1")) as served:
        print(f"listening on {served.url}; Ctrl-C stops", flush=True)
        try:
            served.serve_forever()
        except KeyboardInterrupt:
            print("stopped")
