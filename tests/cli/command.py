"""The installed `wf`, run as users run it: a process of its own, in a folder of its own."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.project.tree import ROOT, clean_environment

WF = str(Path(sys.executable).parent / "wf")
EXAMPLES = ROOT / "examples"
WAITING = str(Path(__file__).parent / "plugins" / "waiting.py")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Folder:
    """A folder in which commands run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / ".wf" / "runs"

    def wf(self, *arguments: str, **settings: str) -> Done:
        """Run `wf` to its end."""
        with self.started(*arguments, **settings) as process:
            out, err = process.communicate(timeout=50)
        return Done(process.returncode, out, err)

    @contextlib.contextmanager
    def started(self, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """Start `wf`; what is still running in the end is killed."""
        process = subprocess.Popen(
            [WF, *arguments],
            cwd=self.path,
            env=clean_environment() | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def write(self, document: Any, name: str = "flow.json") -> str:
        """Write a document and return its path as commands take it."""
        (self.path / name).write_text(json.dumps(document, indent=2), encoding="utf-8")
        return name

    def ledger(self) -> list[str]:
        """Return the nodes that `wait_for` began, in order."""
        file = self.path / "ledger"
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def notes(self) -> list[dict[str, Any]]:
        """Return the notes of all executions."""
        found = sorted(self.runs.glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in found]


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Poll until something holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.01)


def in_terminal(
    path: Path, *arguments: str, rows: int = 40, columns: int = 100, **settings: str
) -> Done:
    """Run `wf` on a terminal of its own; `out` is all that the terminal got."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(path)
        os.execve(WF, [WF, *arguments], clean_environment() | {"TERM": "xterm"} | settings)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    signal_after = time.monotonic() + 40
    received = b""
    # Reading from the terminal of a process that has gone is an error on Linux.
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 65536):
            received += piece
            if time.monotonic() > signal_after:
                os.kill(child, signal.SIGKILL)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return Done(os.waitstatus_to_exitcode(status), received.decode(), "")


def workflow(*nodes: dict[str, Any], name: str = "Flow", **fields: Any) -> dict[str, Any]:
    """Return a document."""
    return {"name": name, **fields, "dag": {"nodes": list(nodes)}}


def node(
    key: str, handler: str = "output", dependencies: tuple[str, ...] = (), **fields: Any
) -> dict[str, Any]:
    """Return a node; what is no field of nodes is its config."""
    own = {"when", "join", "on_error", "retry", "timeout"}
    config = {name: value for name, value in fields.items() if name not in own}
    rest = {name: value for name, value in fields.items() if name in own}
    return {
        "id": key,
        "handler": handler,
        "dependencies": list(dependencies),
        "config": config,
        **rest,
    }
