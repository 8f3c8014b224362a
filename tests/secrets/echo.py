"""A real HTTP service on the loopback interface that gives back what it is sent, in many ways."""

import base64
import html
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote, quote_plus, unquote, urlsplit


class Echo:
    """Answers by path; `heard` has the request lines, headers and bodies of all requests."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.counts: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Requests", (_Requests,), {"echo": self})
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Requests(BaseHTTPRequestHandler):
    echo: Echo
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        sent = f"{self.path}\n{self.headers}\n{body.decode()}"
        self.echo.heard.append(sent)
        path = urlsplit(self.path).path
        self.echo.counts[path] += 1
        getattr(self, "_" + path.split("/")[1])(sent, body.decode())

    def _json(self, sent: str, body: str) -> None:
        """Give everything back in every encoding that services use."""
        told: dict[str, Any] = {
            "sent": sent,
            "url": self.path,
            "decoded": unquote(self.path),
            "headers": dict(self.headers.items()),
            "body": body,
            "form": body.replace("+", " "),
            "json": json.dumps(sent),
            "json in json": json.dumps(json.dumps(sent)),
            "json in utf-8": json.dumps(sent, ensure_ascii=False),
            "quoted": quote(sent),
            "quoted twice": quote(quote(sent, safe=""), safe=""),
            "quoted as a form": quote_plus(sent),
            "html": html.escape(sent),
            "lower": sent.lower(),
            "in keys": {sent: {body: 1}},
            "in a list": [[sent], [body]],
            "cut": [body[: len(body) - cut] for cut in range(12)],
            "begun": [body[cut:] for cut in range(12)],
        }
        for offset in range(3):
            data = b"." * offset + sent.encode()
            told[f"base64 {offset}"] = base64.b64encode(data).decode()
            told[f"base64 for URLs {offset}"] = base64.urlsafe_b64encode(data).decode()
            told[f"base64 quoted {offset}"] = quote(base64.b64encode(data), safe="")
            told[f"base64 of JSON {offset}"] = base64.b64encode(
                b"." * offset + json.dumps(sent).encode()
            ).decode()
        self._answer(200, json.dumps(told).encode(), "application/json")

    def _text(self, sent: str, body: str) -> None:
        self._answer(200, sent.encode(), "text/html")

    def _fail(self, sent: str, body: str) -> None:
        """Fail, with all that was sent in the reason, in headers, and beyond 1,024 bytes."""
        told = ("x" * 900 + sent).encode()
        self._answer(400, told, "text/plain", reason=f"no {self.headers.get('x-token')}")

    def _flaky(self, sent: str, body: str) -> None:
        if self.echo.counts[urlsplit(self.path).path] == 1:
            self._answer(503, sent.encode(), "text/plain", reason="busy")
        else:
            self._answer(200, sent.encode(), "text/plain")

    def _redirect(self, sent: str, body: str) -> None:
        """Go on to the path that the rest of this one names, with the query."""
        rest = "/" + self.path.removeprefix("/redirect/")
        self._answer(307, b"", "text/plain", headers={"Location": rest})

    def _away(self, sent: str, body: str) -> None:
        """Redirect to the same service by another name."""
        there = f"http://localhost:{self.echo.port}/json"
        self._answer(307, b"", "text/plain", headers={"Location": there})

    def _nowhere(self, sent: str, body: str) -> None:
        """Redirect to what is no URL, with the token in it."""
        location = f"http://[{self.headers.get('x-token')}"
        self._answer(302, b"", "text/plain", headers={"Location": location})

    def _garbage(self, sent: str, body: str) -> None:
        """Answer with what is no HTTP."""
        self.close_connection = True
        self.wfile.write(f"HTTP/1.1 {self.headers.get('x-token')} is no status\r\n\r\n".encode())

    def _broken(self, sent: str, body: str) -> None:
        self._answer(200, f'{{"sent": {sent}'.encode(), "application/json")

    def _answer(
        self,
        status: int,
        body: bytes,
        content_type: str,
        *,
        reason: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status, reason or None)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("X-Echo", str(self.headers.get("x-token")))
        self.send_header("Set-Cookie", f"token={quote(str(self.headers.get('x-token')))}")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...
