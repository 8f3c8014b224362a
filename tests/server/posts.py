"""A real HTTP service that stands in for `api.example.com`; its log is a ledger of what ran."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

TEXT = "Response from https://api.example.com/posts"


@dataclass
class Ledger:
    """Paths in the order in which they were asked for, and the keys that came with them."""

    paths: list[str] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)


class Posts:
    """Answers every GET with `TEXT`; paths under `/held` wait until `release` is set."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.release = threading.Event()
        handler = type("Requests", (_Requests,), {"posts": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Requests(BaseHTTPRequestHandler):
    posts: Posts

    def do_GET(self) -> None:
        self.posts.ledger.paths.append(self.path)
        self.posts.ledger.keys.append((self.path, self.headers.get("idempotency-key", "")))
        if self.path.startswith("/held"):
            self.posts.release.wait(30)
        body = TEXT.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...
