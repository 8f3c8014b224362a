"""`wf executions follow` and `wait`: nothing is missed or told twice, whatever is cut."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import node, until, workflow
from tests.cli.served import Served, Wire, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        yield running


def test_follow_tells_what_happens_to_the_end(server: Served) -> None:
    execution = server.start(_two_steps(), wait=False)
    with server.folder.started("executions", "follow", execution, "--server", server.url) as told:
        _until_line(told, "RUNNING")
        (server.folder.path / "go").touch()
        out, err = told.communicate(timeout=30)

    assert (told.returncode, err) == (0, "")
    assert "second                    COMPLETED" in out
    assert out.splitlines()[-1] == "wf  COMPLETED"


def test_a_cut_connection_is_taken_up_without_gap_or_repeat(server: Served) -> None:
    chain = [node("n0", "wait_for", file="go0")]
    chain += [
        node(f"n{number}", "wait_for", (f"n{number - 1}",), file=f"go{number}")
        for number in range(1, 6)
    ]
    execution = server.start(workflow(*chain), wait=False)
    wire = Wire(server.url)
    arguments = ("executions", "follow", execution, "--server", wire.url, "--output", "json")
    with server.folder.started(*arguments) as told:
        begun = _until_line(told, "snapshot")
        for number in range(6):
            until(lambda number=number: f"n{number}" in server.folder.ledger())  # type: ignore[misc]
            until(lambda number=number: wire.connections > number)  # type: ignore[misc]
            wire.cut()
            (server.folder.path / f"go{number}").touch()
        out, _ = told.communicate(timeout=40)
    wire.close()

    events = [json.loads(line) for line in (begun + out).splitlines()]
    begin = int(events[0]["id"])
    seqs = [each["data"]["seq"] for each in events if each["event"] == "transition"]
    assert told.returncode == 0
    assert [each["event"] for each in events if each["event"] != "transition"] == [
        "snapshot",
        "end",
    ]
    assert seqs == list(range(begin + 1, begin + 1 + len(seqs)))
    ended = [each["data"]["key"] for each in events if _is_end_of_node(each)]
    assert ended == [f"n{number}" for number in range(6)]
    assert wire.connections >= 6


def test_follow_and_wait_outlive_the_server(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        execution = first.start(_two_steps(), wait=False)
        port = int(first.url.rpartition(":")[2])
        folder = first.folder
        wire = Wire(first.url)
        follow = folder.started("executions", "follow", execution, "--server", first.url)
        wait = folder.started("executions", "wait", execution, "--server", wire.url)
        with follow as following, wait as waiting:
            _until_line(following, "RUNNING")
            until(lambda: "second" in folder.ledger())
            # Who never reached the server would be told that it is not there.
            until(lambda: wire.answers > 0)
            first.process.kill()
            first.process.wait()
            with served(tmp_path, port=port):
                (tmp_path / "go").touch()
                out, err = following.communicate(timeout=40)
                result, _ = waiting.communicate(timeout=40)
        wire.close()

    assert (following.returncode, waiting.returncode) == (0, 0)
    assert out.splitlines()[-1] == "wf  COMPLETED"
    assert "does not answer" in err
    assert json.loads(result) == {"first": 1}


def test_ctrl_c_stops_following_and_cancels_nothing(server: Served) -> None:
    execution = server.start(_two_steps(), wait=False)
    with server.folder.started("executions", "follow", execution, "--server", server.url) as told:
        _until_line(told, "RUNNING")
        told.send_signal(signal.SIGINT)
        _, err = told.communicate(timeout=20)

    assert (told.returncode, err) == (130, "")
    assert server.status(execution) == "RUNNING"


def test_following_what_is_not_there_exits_with_4(server: Served) -> None:
    done = server.executions("follow", "no-such-id")

    assert (done.code, "no execution 'no-such-id'" in done.err) == (4, True)


def test_a_failure_is_told_with_the_command_that_takes_it_up(server: Served) -> None:
    bad = node("bad", "call_external_service", url="http://127.0.0.1:9/")
    execution = server.start(workflow(bad))

    done = server.executions("follow", execution)

    assert done.code == 1
    assert "OutboundRefused" in done.out
    assert f"wf executions retry {execution}" in done.out


def _two_steps() -> dict[str, Any]:
    first = node("first", value=1)
    return workflow(first, node("second", "wait_for", ("first",), file="go"))


def _until_line(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    line = ""
    while text not in line:
        line = process.stdout.readline()
        assert line
    return line


def _is_end_of_node(told: dict[str, Any]) -> bool:
    return bool(told["event"] == "transition" and told["data"]["to"] == "COMPLETED")
