"""The ledger: an HTTP service of the parent's, which a killed child cannot make say anything."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

__all__ = ["Call", "Service"]


@dataclass
class Call:
    """One request: which node of which execution, its idempotency key, and when, by one clock."""

    execution: str
    node: str
    key: str
    arrived: float
    answered: float | None = None


@dataclass
class Service:
    """Answers `/<execution>/<node>`; those of `held` nodes only after `release`.

    The first `failures[node]` requests of a node are answered with 503.
    """

    held: frozenset[str] = frozenset()
    failures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.release = threading.Event()
        self._lock = threading.Lock()
        handler = type("Requests", (_Requests,), {"service": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, node: str | None = None) -> int:
        return sum(node in (None, call.node) for call in list(self.calls))

    def counts(self) -> Counter[tuple[str, str]]:
        return Counter((call.execution, call.node) for call in self.calls)

    def enter(self, path: str, key: str) -> tuple[Call, int]:
        """Write a request down, and say how it is to be answered."""
        _, execution, node = path.split("/")
        with self._lock:
            earlier = self.count(node)
            call = Call(execution, node, key, time.monotonic())
            self.calls.append(call)
        return call, 503 if earlier < self.failures.get(node, 0) else 200


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 makes a burst of connections wait seconds for their next SYN.
    request_queue_size = 256


class _Requests(BaseHTTPRequestHandler):
    service: Service

    def do_POST(self) -> None:
        call, status = self.service.enter(self.path, self.headers["Idempotency-Key"])
        if call.node in self.service.held:
            self.service.release.wait(60)
        time.sleep(self.service.seconds)
        call.answered = time.monotonic()
        try:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...
