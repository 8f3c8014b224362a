"""`docs/getting-started.md` is followed word for word: every command, and what it shows."""

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
PORT = "127.0.0.1:8000"

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


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [Block(*each) for each in found]


class Reader:
    """Does what the page says, in a folder that looks like a clone."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._address = f"127.0.0.1:{port}"
        self._server: subprocess.Popen[str] | None = None
        self._said = ""
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
            assert _part(json.loads(self._said), shown) == shown
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
        self._said = finished.stdout
        wanted = int(block.mark.removeprefix("status=") or 0)
        assert finished.returncode == wanted, (block.text, self._said)

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
        self._said = log.read_text()

    def _compare(self, shown: str) -> None:
        """Find each line that is shown among those that were said, and in that order."""
        said = iter([_even(line) for line in self._said.splitlines()])
        for line in filter(None, map(_even, self._here(shown).splitlines())):
            assert line in said, (line, self._said)

    def _here(self, text: str) -> str:
        return text.replace(PORT, self._address)


def _even(line: str) -> str:
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.rstrip()


def _part(said: Any, shown: Any) -> Any:
    """Return of what was said what has a counterpart in what is shown."""
    if isinstance(shown, dict) and isinstance(said, dict):
        return {key: _part(said[key], value) for key, value in shown.items() if key in said}
    return said


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    reader = Reader(tmp_path, port)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
@pytest.mark.timeout(180)
def test_the_page_can_be_followed_word_for_word(reader: Reader) -> None:
    for block in blocks():
        if block.mark != "setup":
            reader.follow(block)


def test_every_block_of_the_page_is_of_a_kind_that_is_followed() -> None:
    assert PAGE.count("```") == 2 * len(blocks())
    kinds = {(each.language, each.mark.partition("=")[0]) for each in blocks()}
    assert kinds == {
        ("bash", "setup"),
        ("bash", ""),
        ("bash", "status"),
        ("bash", "background"),
        ("text", ""),
        ("json", "file"),
        ("json", "shows"),
        ("python", "file"),
    }


@pytest.mark.packaging
@pytest.mark.timeout(600)
def test_the_set_up_of_the_page_works_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    [setup] = [each.text for each in blocks() if each.mark == "setup"]
    script = setup.replace("python3.11", sys.executable) + ".venv/bin/wf run examples/hello.json"
    finished = subprocess.run(
        ["bash", "-ec", script], cwd=clone, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "Hello, Ada!" in finished.stdout
