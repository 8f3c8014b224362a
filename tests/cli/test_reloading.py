"""`wf dev` with plugin files: restarted when they change, ended with its parent."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import WAITING, Folder, node, until, workflow

_SAYING = """
from pathlib import Path
from wfcore import handler, hookimpl

@handler
async def say() -> str:
    return "{word}"

@hookimpl
def wfcore_register_handlers():
    return [say]
"""


class _Dev:
    """A `wf dev` whose standard error is read as it comes."""

    def __init__(self, folder: Folder, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def until_said(self, text: str, times: int = 1) -> None:
        until(lambda: self.said.count(text) >= times or self.process.poll() is not None)
        assert self.said.count(text) >= times, self.said

    @property
    def url(self) -> str:
        return next(word for word in self.said.split() if word.startswith("http://"))

    def start(self, document: Any, wait: str = "") -> Any:
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/workflow?trigger=true{wait}", body, headers)
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)

    def run_say(self) -> Any:
        results = self.start(workflow(node("it", "say")), "&wait=30")["results"]
        return results["aggregated_results"]["it"]["value"]

    def child(self) -> int:
        """Return the process id of the server, from the file that says who owns the store."""
        return int((self.folder.path / ".wf" / "dev.db.lock").read_text())

    def stopped(self) -> int:
        self.process.wait(40)
        self._reader.join(10)
        return self.process.returncode


@contextlib.contextmanager
def _dev(folder: Folder, *arguments: str, word: str = "one") -> Iterator[_Dev]:
    _write(folder, word)
    with folder.started("dev", "--port", "0", "--plugin", "saying.py", *arguments) as process:
        dev = _Dev(folder, process)
        try:
            yield dev
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)


def test_a_changed_plugin_restarts_the_server_and_the_store_carries_on(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        assert dev.run_say() == "one"
        before = dev.child()
        _write(folder, "two")
        dev.until_said("ready again")

        assert dev.run_say() == "two"
        assert dev.child() != before
        with urllib.request.urlopen(f"{dev.url}/workflows", timeout=20) as answer:
            assert len(json.load(answer)["executions"]) == 2
        dev.process.terminate()

        assert dev.stopped() == 0
    assert "saying.py changed: restarting" in dev.said
    assert "Traceback" not in dev.said


def test_a_folder_of_plugins_is_loaded_anew_and_a_broken_file_harms_no_other(
    folder: Folder,
) -> None:
    plugins = folder.path / "plugins"
    plugins.mkdir()
    _put(plugins / "broken.py", "raise RuntimeError('not today')\n")
    _put(plugins / "saying.py", _SAYING.format(word="one"))
    with folder.started("dev", "--port", "0", "--plugin-dir", "plugins") as process:
        dev = _Dev(folder, process)
        try:
            dev.until_said("API keys")
            dev.until_said("not today")
            assert dev.run_say() == "one"
            _put(plugins / "saying.py", _SAYING.format(word="two"))
            dev.until_said("ready again")
            assert dev.run_say() == "two"
            added = _SAYING.replace("say()", "added()").format(word="3")
            _put(plugins / "added.py", added)
            dev.until_said("ready again", 2)
            with urllib.request.urlopen(f"{dev.url}/plugins", timeout=20) as answer:
                listed = json.load(answer)["plugins"]
        finally:
            process.terminate()
            assert dev.stopped() == 0
    found = {each["name"]: each["status"] for each in listed if each["distribution"] is None}
    # It returns a name that it does not have: it is told, and harms nobody.
    assert found == {"added": "broken", "broken": "broken", "saying": "loaded"}


def test_a_syntax_error_is_told_and_what_ran_before_goes_on(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        _put(folder.path / "saying.py", "def broken(:\n")
        dev.until_said("saying.py, line 1: invalid syntax")
        assert dev.run_say() == "one"
        _write(folder, "three")
        dev.until_said("ready again")

        assert dev.run_say() == "three"


def test_a_plugin_that_fails_as_it_is_loaded_is_waited_for(folder: Folder) -> None:
    with _dev(folder, word='" + NOWHERE + "') as dev:
        _put(folder.path / "saying.py", "raise RuntimeError('not today')")
        dev.until_said("waiting for the next change")
        _write(folder, "mended")
        dev.until_said("API keys")

        assert dev.run_say() == "mended"
    assert "not today" in dev.said


def test_requests_are_refused_while_a_plugin_has_to_be_mended(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        _put(folder.path / "saying.py", "import nowhere_at_all\n")
        dev.until_said("requests are refused until then")
        with pytest.raises(urllib.error.HTTPError) as refused:
            dev.start(workflow(node("it", "say")), "&wait=30")
        with refused.value as answer:
            assert answer.code == 503
            assert "server.plugin_broken" in answer.read().decode()
        _write(folder, "mended")
        dev.until_said("ready again")

        assert dev.run_say() == "mended"


@pytest.mark.parametrize("hears", [True, False], ids=["that-hears-it", "that-stands-still"])
def test_the_server_dies_with_its_parent(folder: Folder, hears: bool) -> None:
    with _dev(folder) as dev:
        if not hears:
            # What the server tells it from now on is still unread when it dies.
            until((folder.path / ".wf" / "dev.db.lock").exists)
            dev.process.send_signal(signal.SIGSTOP)
        dev.until_said("API keys")
        child = dev.child()
        dev.process.kill()
        try:
            until(lambda: not _is_alive(child), 10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def test_a_server_that_dies_is_started_again(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        os.kill(dev.child(), signal.SIGKILL)
        dev.until_said("ready again")

        assert dev.run_say() == "one"
        assert "signal SIGKILL" in dev.said


def test_ctrl_c_stops_both(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        child = dev.child()
        dev.process.send_signal(signal.SIGINT)

        assert dev.stopped() == 0
        assert not _is_alive(child)


def test_ctrl_c_once_more_stops_both_at_once(folder: Folder) -> None:
    with _dev(folder, "--plugin", WAITING) as dev:
        dev.until_said("API keys")
        dev.start(workflow(node("only", "deaf")))
        until((folder.path / "ledger").exists)
        child = dev.child()
        dev.process.send_signal(signal.SIGINT)
        dev.until_said("stopping")
        dev.process.send_signal(signal.SIGINT)

        assert dev.stopped() == 130
        until(lambda: not _is_alive(child), 5)


def test_a_store_in_use_ends_it_with_its_code(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")

        done = folder.wf("dev", "--port", "0", "--plugin", "saying.py")

        assert (done.code, f"process {dev.child()}" in done.err) == (5, True)


def test_a_missing_plugin_file_and_a_taken_port_end_it_at_once(folder: Folder) -> None:
    with _dev(folder) as dev:
        dev.until_said("API keys")
        port = dev.url.rpartition(":")[2]

        missing = folder.wf("dev", "--port", "0", "--plugin", "nowhere.py")
        taken = folder.wf("dev", "--port", port, "--plugin", "saying.py")

    assert (missing.code, "nowhere.py" in missing.err) == (2, True)
    assert (taken.code, "in use" in taken.err) == (2, True)


def test_no_reload_is_one_process(folder: Folder) -> None:
    with _dev(folder, "--no-reload") as dev:
        dev.until_said("API keys")

        assert dev.child() == dev.process.pid


def test_the_banner_tells_what_is_open_to_whom(folder: Folder) -> None:
    _write(folder, "one")
    arguments = ("dev", "--port", "0", "--allow", "10.0.0.0/8", "--no-reload")
    with folder.started(*arguments, APP_API_KEYS="first-key,second-key") as process:
        dev = _Dev(folder, process)
        dev.until_said("API keys")

    assert "the internet, 10.0.0.0/8" in dev.said
    assert "2 keys" in dev.said
    assert "first-key" not in dev.said


def _write(folder: Folder, word: str) -> None:
    _put(folder.path / "saying.py", _SAYING.replace("{word}", word))


def _put(path: Path, text: str) -> None:
    """Write a file at once, as editors do: nobody sees it empty before it is full."""
    whole = path.with_suffix(".whole")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
