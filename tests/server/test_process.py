"""The server as a process of its own: how it starts, how it stops, and what a kill leaves."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.project.tree import ROOT, clean_environment
from tests.server.posts import TEXT, Posts
from tests.server.serving import DEADLINE, Json

CHILD = Path(__file__).with_name("child.py")
WF = Path(sys.executable).with_name("wf")


class Server:
    """A running server process. It tells its address in the first line that has one."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**clean_environment(), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def client(self, told_on: str = "stdout") -> httpx.Client:
        """Wait until it is ready, and return a client of it."""
        while line := getattr(self.process, told_on).readline():
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                return httpx.Client(base_url=address[0], timeout=DEADLINE)
        pytest.fail(f"it did not start: {self.process.communicate(timeout=DEADLINE)}")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, str]:
        """Send a signal if one is given, and return exit code, output and log."""
        if number is not None:
            self.process.send_signal(number)
        out, log = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out, log


@contextlib.contextmanager
def running(command: Sequence[str | Path], folder: Path) -> Iterator[Server]:
    started = Server(command, folder)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
            started.process.communicate()


def server(store: str, port: int = 0, **options: Any) -> AbstractContextManager[Server]:
    engine_options = json.dumps({"store": store, "outbound_allow": ["127.0.0.1"], **options})
    return running([sys.executable, CHILD, engine_options, str(port)], ROOT)


def until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def submit(client: httpx.Client, workflow: Json) -> str:
    return str(client.post("/workflow", json=workflow).json()["execution_id"])


def submit_and_trigger(client: httpx.Client, workflow: Json) -> str:
    execution_id = submit(client, workflow)
    assert client.post(f"/workflow/trigger/{execution_id}").status_code == 200
    return execution_id


def results(client: httpx.Client, execution_id: str) -> Json:
    body: Json = client.get(f"/workflows/{execution_id}/results").json()
    return body


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    # The client's connection stays open: the server must not wait for it.
    with server(f"sqlite:///{tmp_path}/wf.db") as first, first.client() as client:
        assert client.get("/livez").status_code == 200
        code, out, log = first.end(number)

    assert (code, out) == (0, "stopped\n")
    assert "Traceback" not in log
    assert re.search(f"stopping .{number.name}", log)
    with server(f"sqlite:///{tmp_path}/wf.db") as second:
        second.client().close()


def test_a_stop_waits_for_no_stream_and_for_nobody_who_waits(tmp_path: Path, seed: Json) -> None:
    with server(f"sqlite:///{tmp_path}/wf.db") as child, child.client() as client:
        execution_id = submit(client, seed)
        path = f"/workflows/{execution_id}"
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.get, f"{path}/results?wait=60")
            with client.stream("GET", f"{path}/events") as stream:
                lines = stream.iter_lines()
                assert "event: snapshot" in (next(lines), next(lines), next(lines), next(lines))
                begun = time.monotonic()
                child.process.send_signal(signal.SIGTERM)
                assert "end" not in "".join(lines)
            answer = waiting.result()
        code, _, log = child.end()

    assert time.monotonic() - begun < 2.5
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    assert code == 0
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_what_is_open_at_a_stop_goes_on_at_the_next_start(
    tmp_path: Path, seed: Json, posts: Posts
) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    seed["dag"]["nodes"][0]["config"]["url"] = posts.url("/held")
    with server(store, drain_seconds=0.1) as first:
        with first.client() as client:
            execution_id = submit_and_trigger(client, seed)
        until(lambda: posts.ledger.paths)
        code, _, log = first.end(signal.SIGTERM)
    assert (code, "Traceback" in log) == (0, False)
    posts.release.set()

    with server(store) as second, second.client() as client:
        until(lambda: results(client, execution_id)["completed"])

    assert len(set(posts.ledger.keys)) == 1


def test_a_second_signal_ends_it_at_once(tmp_path: Path, seed: Json, posts: Posts) -> None:
    seed["dag"]["nodes"][0]["config"]["url"] = posts.url("/held")
    with server(f"sqlite:///{tmp_path}/wf.db", drain_seconds=3600.0) as child:
        with child.client() as client:
            submit_and_trigger(client, seed)
        until(lambda: posts.ledger.paths)
        assert child.process.stderr is not None
        child.process.send_signal(signal.SIGINT)
        while "stopping" not in child.process.stderr.readline():
            assert child.process.poll() is None
        code, _, _ = child.end(signal.SIGINT)

    assert code == -signal.SIGINT


def test_a_port_in_use_is_told_before_the_store_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with server(f"sqlite:///{tmp_path}/wf.db", port) as child:
            code, out, log = child.end()

    assert (code, out) == (1, "")
    assert f"refused: port {port} on 127.0.0.1 is in use" in log
    assert "Traceback" not in log
    assert not (tmp_path / "wf.db").exists()


def test_a_file_that_another_process_owns_is_told_with_its_id(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    with server(store) as owner:
        owner.client().close()
        with server(store) as child:
            code, out, log = child.end()

        assert (code, out) == (1, "")
        assert f"in use by process {owner.process.pid}" in log
        assert "Traceback" not in log


def test_after_kill_9_in_the_middle_of_executions_every_one_ends_as_it_should(
    tmp_path: Path, posts: Posts
) -> None:
    command: list[str | Path] = [WF, "dev", "--host", "127.0.0.1", "--port", "0"]
    command += ["--allow", posts.address]
    count = 20
    with running(command, tmp_path) as first, first.client("stderr") as client:
        pending = submit(client, two_calls(posts, count))
        started = [submit_and_trigger(client, two_calls(posts, n)) for n in range(count)]
        until(lambda: len(posts.ledger.paths) == 2 * count)
        first.process.kill()
        first.process.communicate()
    before = len(posts.ledger.paths)
    posts.release.set()

    with running(command, tmp_path) as second, second.client("stderr") as client:
        until(lambda: all(results(client, each)["completed"] for each in started))
        assert results(client, pending)["status"] == "PENDING"
        outcomes = [results(client, each)["results"]["aggregated_results"] for each in started]

    assert [each["held"]["data"] for each in outcomes] == [TEXT] * count
    # What had completed was kept; what was under way ran again, under the same key.
    again = posts.ledger.paths[before:]
    assert sorted(again) == sorted(f"/held/{n}" for n in range(count))
    assert len(set(posts.ledger.keys)) == 2 * count


def two_calls(posts: Posts, number: int) -> Json:
    call = "call_external_service"
    quick = {"id": "quick", "handler": call, "config": {"url": posts.url(f"/quick/{number}")}}
    held = {
        "id": "held",
        "handler": call,
        "dependencies": ["quick"],
        "config": {"url": posts.url(f"/held/{number}")},
    }
    return {"name": f"two calls {number}", "dag": {"nodes": [quick, held]}}
