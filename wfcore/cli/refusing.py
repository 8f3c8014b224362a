"""Answering requests while `wf dev` has no server: better a refusal than silence."""

import contextlib
import json
import select
import socket
import time
from typing import Final

from wfcore.problems import Problem

__all__ = ["refuse_requests"]

_READ_SECONDS: Final = 0.5
_PROBLEM: Final = Problem(
    "server.plugin_broken",
    "",
    "a plugin cannot be loaded, and no server runs until it is mended",
    "the terminal of `wf dev` says which, and why",
)


def refuse_requests(listener: socket.socket, seconds: float) -> None:
    """Answer what comes within some seconds with a 503."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        readable, _, _ = select.select([listener], [], [], left)
        if readable:
            # Somebody who left before we looked is no fault.
            with contextlib.suppress(OSError):
                _refuse(listener)


def _refuse(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(_READ_SECONDS)
        # What was not read would reset the connection before the answer is read.
        with contextlib.suppress(TimeoutError):
            while len(connection.recv(65_536)) == 65_536:
                pass
        body = json.dumps(
            {
                "type": "about:blank",
                "title": "Service Unavailable",
                "status": 503,
                "detail": str(_PROBLEM),
                "problems": [_PROBLEM.as_dict()],
            }
        ).encode()
        head = (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
            f"Retry-After: 2\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
