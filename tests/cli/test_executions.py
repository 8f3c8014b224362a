"""`wf executions` against a real `wf dev`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Folder, node, workflow
from tests.cli.served import Served, served
from tests.project.tree import clean_environment
from wfcore.cli.durations import parse_duration

_ONCE = {"max_attempts": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def test_a_list_in_a_pipe_is_a_line_with_tabs_for_each(server: Served) -> None:
    first = server.start(_flow("Listed"))
    second = server.start(_flow("Listed"))

    done = server.executions("list", "--name", "Listed")

    rows = [line.split("\t") for line in done.out.splitlines()]
    assert (done.code, [row[0] for row in rows]) == (0, [second, first])
    assert [row[1:3] for row in rows] == [["COMPLETED", "Listed"]] * 2
    assert "\x1b" not in done.out


def test_a_list_on_a_terminal_is_a_table(server: Served) -> None:
    execution = server.start(_flow("Table \x1b]0;owned\x07"))

    done = server.on_terminal("list", "--limit", "5")

    (row,) = [line for line in done.out.splitlines() if execution in line]
    assert "status" in done.out
    assert "COMPLETED" in row
    assert "\x1b]0" not in done.out


def test_a_list_is_filtered_and_goes_over_pages(server: Served) -> None:
    labelled = server.start(_flow("Filtered", labels={"team": "support"}))
    failed = server.start(_failing("Filtered"))

    by_label = server.executions("list", "--label", "team=support", "--output", "json")
    by_status = server.executions("list", "--status", "failed", "--name", "Filtered")
    long_ago = server.executions("list", "--name", "Filtered", "--since", "0s")
    one = server.executions("list", "--name", "Filtered", "--limit", "1", "--output", "json")

    assert [each["execution_id"] for each in by_label.json()["executions"]] == [labelled]
    assert [line.split("\t")[0] for line in by_status.out.splitlines()] == [failed]
    assert (long_ago.code, long_ago.out) == (0, "")
    assert (len(one.json()["executions"]), bool(one.json()["next"])) == (1, True)


def test_show_begins_with_what_failed_and_says_what_takes_it_up(server: Served) -> None:
    execution = server.start(_failing("Shown"))

    done = server.executions("show", execution)

    nodes = [line.split()[0] for line in done.out.splitlines() if line.startswith("    ")]
    assert nodes == ["bad", "after", "good"] or nodes[0] == "bad"
    assert "bad    FAILED     OutboundRefused" in done.out
    assert f"wf executions retry {execution}" in done.out
    assert (
        "error" in server.executions("show", execution, "--output", "json").json()["nodes"]["bad"]
    )


def test_show_looks_into_a_node(server: Served) -> None:
    execution = server.start(_failing("Looked into"))

    text = server.executions("show", execution, "bad")
    unknown = server.executions("show", execution, "bda")

    assert "attempt 1  FAILED" in text.out
    assert '"url": "http://127.0.0.1:9/"' in text.out
    assert (unknown.code, "no node 'bda'" in unknown.err) == (4, True)


def test_wait_ends_as_wf_run_does(server: Served) -> None:
    completed = server.executions("wait", server.start(_flow("Waited"), wait=False))
    failed = server.executions("wait", server.start(_failing("Waited"), wait=False))
    open_one = server.start(workflow(node("only", "wait_for", file="never")), wait=False)
    late = server.executions("wait", open_one, "--timeout", "300ms", "--output", "json")
    server.executions("cancel", open_one)

    assert (completed.code, completed.json()) == (0, {"good": 1})
    assert (failed.code, failed.out, "bad  OutboundRefused" in failed.err) == (1, "", True)
    assert (late.code, late.json()["status"]) == (6, "RUNNING")


def test_cancel_ends_what_runs_and_tells_what_it_does_not_know(server: Served) -> None:
    execution = server.start(workflow(node("only", "wait_for", file="never")), wait=False)

    done = server.executions("cancel", execution, "no-such-id", "--output", "json")

    assert done.code == 4
    assert [each["execution_id"] for each in done.json()["cancelled"]] == [execution]
    assert done.json()["refused"][0]["problems"][0]["code"] == "execution.not_found"
    assert server.executions("wait", execution).code == 1
    assert server.status(execution) == "CANCELLED"


def test_retry_takes_up_by_id_with_other_config(server: Served) -> None:
    execution = server.start(_failing("By id"))

    done = server.executions("retry", execution, "--set", 'bad.url="{{ 1 }}"', "--output", "json")
    refused = server.executions("retry", execution, "--set", "bad.lru=1")

    (retried,) = done.json()["retried"]
    assert (done.code, retried["retry_of"]) == (0, execution)
    node_before = server.executions("show", retried["execution_id"], "good", "--output", "json")
    assert node_before.json()["attempts"][0]["reused"] == execution
    assert (refused.code, "bad/lru" in refused.err) == (3, True)


def test_retry_takes_up_all_that_match_once_and_shows_them_first_if_wanted(
    server: Served,
) -> None:
    ids = {server.start(_failing("Many")) for _ in range(3)}
    wanted = ("retry", "--status", "failed", "--since", "1h", "--name", "Many")

    shown = server.executions(*wanted, "--dry-run")
    still = server.executions("list", "--name", "Many", "--output", "json")
    done = server.executions(*wanted, "--output", "json")

    assert {line.split("\t")[0] for line in shown.out.splitlines()} == ids
    assert "3 executions would be taken up again" in shown.err
    assert len(still.json()["executions"]) == 3
    assert {each["retry_of"] for each in done.json()["retried"]} == ids


def test_delete_takes_what_has_ended(server: Served) -> None:
    ended = server.start(_flow("Deleted"))
    open_one = server.start(workflow(node("only", "wait_for", file="never")), wait=False)

    done = server.executions("delete", ended, open_one)
    server.executions("cancel", open_one)

    assert (done.code, f"{ended}  deleted" in done.out) == (3, True)
    assert open_one in done.err
    assert server.executions("show", ended).code == 4


def test_no_server_is_told_with_what_starts_one(folder: Folder) -> None:
    done = folder.wf("executions", "list", "--server", "http://127.0.0.1:9", "--output", "json")

    (problem,) = done.json()["problems"]
    assert (done.code, problem["code"]) == (7, "server.unreachable")
    assert "wf dev" in problem["hint"]


def test_another_kind_of_server_is_told(folder: Folder) -> None:
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder.path, text=True
    ) as other:
        assert other.stdout is not None
        port = other.stdout.readline().split("port ")[1].split()[0]
        done = folder.wf("executions", "list", "--server", f"http://127.0.0.1:{port}")
        other.kill()

    assert (done.code, "no server of wfcore" in done.err) == (7, True)


def test_a_key_is_sent_and_never_shown(tmp_path: Path) -> None:
    with served(tmp_path, APP_API_KEYS="open-sesame") as guarded:
        without = guarded.executions("list")
        wrong = guarded.executions("list", APP_API_KEY="wrong-key")
        right = guarded.executions("list", APP_API_KEY="open-sesame")

    assert [without.code, wrong.code, right.code] == [7, 7, 0]
    assert "APP_API_KEY" in without.err
    assert "wrong-key" not in wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--status", "fialed"], "--status"),
        (["list", "--label", "team"], "key=value"),
        (["list", "--since", "soon"], "90s"),
        (["list", "--server", "localhost:8000"], "http://"),
        (["retry"], "which executions?"),
        (["retry", "some-id", "--status", "failed"], "not both"),
        (["delete"], "which executions?"),
    ],
)
def test_a_command_line_that_cannot_be_used_exits_with_2(
    folder: Folder, arguments: list[str], said: str
) -> None:
    done = folder.wf("executions", *arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", [[], ["list"], ["retry"]])
def test_help_needs_no_client(command: list[str]) -> None:
    code = f"""
import json, sys
from wfcore.cli import main
sys.argv = ["wf", "executions", *{command!r}, "--help"]
try:
    main()
except SystemExit:
    pass
print(json.dumps([name for name in ("httpx", "structlog") if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert "wf executions" in done.stdout
    if not command:
        assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("1h30m", 5400), ("250ms", 0.25)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1 hour", "-1h", "1x", "1h!", "1e9d", "99999999999w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is too long"):
        parse_duration(text)


def _flow(name: str, **fields: Any) -> dict[str, Any]:
    return workflow(node("good", value=1), name=name, **fields)


def _failing(name: str) -> dict[str, Any]:
    good = node("good", value=1)
    url = "http://127.0.0.1:9/"
    bad = node("bad", "call_external_service", ("good",), url=url, retry=_ONCE)
    return workflow(good, bad, node("after", dependencies=("bad",)), name=name)
