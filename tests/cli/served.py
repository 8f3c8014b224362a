"""A `wf dev` that tests talk to, and a wire to it that they can cut."""

import contextlib
import json
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli.command import WAITING, Done, Folder, in_terminal

__all__ = ["Served", "Wire", "served"]


class Served:
    """The server of a folder, and `wf executions` against it."""

    def __init__(self, folder: Folder, process: subprocess.Popen[str], url: str) -> None:
        self.folder = folder
        self.process = process
        self.url = url

    def executions(self, *arguments: str, **settings: str) -> Done:
        """Run `wf executions` in a pipe."""
        return self.folder.wf("executions", *arguments, **{"APP_SERVER_URL": self.url} | settings)

    def on_terminal(self, *arguments: str) -> Done:
        """Run `wf executions` on a terminal."""
        arguments = ("executions", *arguments)
        return in_terminal(self.folder.path, *arguments, columns=140, APP_SERVER_URL=self.url)

    def start(self, document: Any, *, wait: bool = True) -> str:
        """Start an execution, and wait for its end if wanted; return its id."""
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        url = f"{self.url}/workflow?trigger=true{'&wait=30' if wait else ''}"
        with urllib.request.urlopen(
            urllib.request.Request(url, body, headers), timeout=40
        ) as answer:
            return str(json.load(answer)["execution_id"])

    def status(self, execution: str) -> str:
        """Return where an execution stands."""
        with urllib.request.urlopen(f"{self.url}/workflows/{execution}", timeout=20) as answer:
            return str(json.load(answer)["status"])


@contextlib.contextmanager
def served(path: Path, *arguments: str, port: int = 0, **settings: str) -> Iterator[Served]:
    """Start `wf dev` in a folder; it is killed in the end."""
    folder = Folder(path)
    options = ("--port", str(port), "--plugin", WAITING, "--no-reload", *arguments)
    with folder.started("dev", *options, **settings) as process:
        assert process.stderr is not None
        said = ""
        while "API keys" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        yield Served(
            folder, process, next(word for word in said.split() if word.startswith("http://"))
        )


class Wire:
    """Passes bytes on to a server; `cut` closes every connection that goes through it."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.answers = 0
        """Pieces of answers that came back through it."""
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut what is connected; new connections are passed on."""
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def close(self) -> None:
        """Stop for good."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self.connections += 1
                self._open += [near, far]
                for ends in ((near, far, 0), (far, near, 1)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: int) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
                self.answers += answers
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
