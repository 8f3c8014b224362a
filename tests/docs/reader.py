"""Somebody who does what a page says, in a folder that looks like a clone."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):8000")
_VARIES = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[\d.]+ (ms|s)\b"), "<time>"),
]


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, what stands beside that, and its text."""

    language: str
    mark: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in its order."""
    found = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [Block(*each) for each in found]


class Reader:
    """Does what the page says, in a folder that looks like a clone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._address = f"127.0.0.1:{_free_port()}"
        self._server: subprocess.Popen[str] | None = None
        self.said = ""
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        shutil.copytree(ROOT / "examples", folder / "examples")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
        self._environment = {**kept, "APP_SERVER_URL": f"http://{self._address}"}

    def follow(self, block: Block) -> None:
        """Save the file, run the commands, or compare what was shown with this."""
        if block.mark.startswith("file="):
            (self.folder / block.mark.removeprefix("file=")).write_text(block.text)
        elif block.language == "text":
            self._compare(block.text)
        elif block.mark == "shows":
            shown = json.loads(block.text)
            assert _part(json.loads(self.said), shown) == shown
        elif block.mark == "background":
            self._serve(block.text)
        else:
            assert block.language == "bash", block
            self._run(block)

    def close(self) -> None:
        """Stop the server as Ctrl-C does."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(timeout=30)
            finally:
                self._server.kill()

    def _run(self, block: Block) -> None:
        keep = "set -a; test ! -f .state || . ./.state\n"
        script = f"{keep}{self._here(block.text)}status=$?; export -p > .state; exit $status"
        finished = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        self.said = finished.stdout
        wanted = int(block.mark.removeprefix("status=") or 0)
        assert finished.returncode == wanted, (block.text, self.said)

    def _serve(self, commands: str) -> None:
        port = self._address.rpartition(":")[2]
        *before, command = commands.strip().splitlines()
        script = "\n".join([*before, f"exec {command} --port {port}"])
        log = self.folder / "server.log"
        with log.open("w") as out:
            self._server = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self._environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        deadline = time.monotonic() + 40
        while not _ready(f"http://{self._address}/readyz"):
            assert self._server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        self.said = log.read_text()

    def _compare(self, shown: str) -> None:
        """Find each line that is shown among those that were said, and in that order."""
        said = iter([_even(line) for line in self.said.splitlines()])
        for line in filter(None, map(_even, self._here(shown).splitlines())):
            assert line in said, (line, self.said)

    def _here(self, text: str) -> str:
        return _ADDRESS.sub(self._address, text)


def _even(line: str) -> str:
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.rstrip()


def _part(said: Any, shown: Any) -> Any:
    """Return of what was said what has a counterpart in what is shown."""
    if isinstance(shown, dict) and isinstance(said, dict):
        return {key: _part(said[key], value) for key, value in shown.items() if key in said}
    return said


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
