"""A server process of the tests: started on a port of its own, ended by its id."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeVar

__all__ = ["ServerProcess", "free_port", "kept"]


class _Startable(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=_Startable)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def kept(kind: str, make: Callable[[Path], S]) -> S:
    """Start what lives as long as the tests do, in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix=f"wf-{kind}-"))
    server = make(folder)
    server.start()

    def stop() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return server


class ServerProcess(ABC):
    """One server; it keeps its port and its data over `kill` and `start`."""

    ready_seconds = 20.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return how it is started."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it can be used."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.command()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        end = time.monotonic() + self.ready_seconds
        while not self.answers():
            said = (self.folder / "log").read_text(errors="replace")[-3_000:]
            assert self._process.poll() is None, f"{command[0]} ended:\n{said}"
            assert time.monotonic() < end, f"{command[0]} does not answer:\n{said}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop as an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop as a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=self.ready_seconds)
            self._process = None
