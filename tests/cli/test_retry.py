"""`wf run --retry`: a failed execution is taken up again, and nothing is paid twice."""

import json

import pytest

from tests.cli.command import WAITING, Done, Folder, node, workflow

_FRAGILE = """
from pathlib import Path
from wfcore import NodeError, handler, hookimpl

@handler
async def paid(name: str) -> str:
    with Path("paid").open("a") as ledger:
        ledger.write(name + "\\n")
    return name

@handler
async def fragile(file: str) -> str:
    if not Path(file).exists():
        raise NodeError("Missing", f"no {file}")
    return "found " + file

@hookimpl
def wfcore_register_handlers():
    return [paid, fragile]
"""


@pytest.fixture
def failed(folder: Folder) -> Folder:
    """A folder with an execution that failed after one paid node."""
    (folder.path / "fragile.py").write_text(_FRAGILE, encoding="utf-8")
    first = node("first", "paid", name="first")
    second = node("second", "fragile", ("first",), file="mended", retry={"max_attempts": 1})
    flow = folder.write(workflow(first, second))
    done = folder.wf("run", flow, "--plugin", "fragile.py")
    assert (done.code, _paid(folder)) == (1, ["first"])
    (folder.path / "said").write_text(done.err, encoding="utf-8")
    return folder


def test_the_command_that_is_printed_takes_the_execution_up_again(failed: Folder) -> None:
    (failed.path / "mended").touch()
    said = (failed.path / "said").read_text(encoding="utf-8")
    (line,) = [line for line in said.splitlines() if line.startswith("Take it up again:")]
    command = line.partition(":")[2].split()

    done = failed.wf(*command[1:])

    assert (command[:3], done.code) == (["wf", "run", "--retry"], 0)
    assert done.json() == {"second": {"value": "found mended"}}
    assert _paid(failed) == ["first"]
    assert "first   COMPLETED" in done.err
    assert len(list(failed.runs.glob("*.db"))) == 1
    assert [note["status"] for note in failed.notes()] == ["COMPLETED"]


def test_without_an_id_the_newest_failed_one_is_taken_up_and_its_own_retry_after_it(
    failed: Folder,
) -> None:
    again = failed.wf("run", "--retry", "--output", "json")
    (failed.path / "mended").touch()
    last = failed.wf("run", "--retry", "--output", "json")
    nothing_left = failed.wf("run", "--retry")

    first = failed.notes()[0]["execution"]
    assert (again.code, last.code) == (1, 0)
    assert len({first, _id(again), _id(last)}) == 3
    assert f"wf run --retry {_id(again)}" in again.err
    assert _paid(failed) == ["first"]
    assert (nothing_left.code, "no failed or cancelled" in nothing_left.err) == (4, True)
    shown = failed.wf("run", "--resume", _id(again), "--output", "json")
    assert (_id(shown), shown.json()["status"]) == (_id(again), "FAILED")
    assert [note["status"] for note in failed.notes()] == ["COMPLETED"]


def test_config_keys_can_be_replaced(failed: Folder) -> None:
    done = failed.wf("run", "--retry", "--set", "second.file=fragile.py")

    assert done.json() == {"second": {"value": "found fragile.py"}}
    assert _paid(failed) == ["first"]


def test_a_retry_that_was_killed_is_resumed(failed: Folder) -> None:
    flow = failed.write(workflow(node("only", "wait_for", file="go")))
    with failed.started("run", flow, "--plugin", WAITING) as process:
        while not failed.ledger():
            assert process.poll() is None
        process.terminate()
        process.communicate(timeout=30)
    with failed.started("run", "--retry") as process:
        while len(failed.ledger()) < 2:
            assert process.poll() is None
        process.kill()
    (failed.path / "go").touch()

    done = failed.wf("run", "--resume")

    assert (done.code, done.json()) == (0, {"only": {"value": "saw go"}})
    assert failed.ledger() == ["only"] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--retry", "no-such-id"], 4, "no execution 'no-such-id'"),
        (["--retry", "--resume"], 2, "choose one"),
        (["--retry", "--input", "{}"], 2, "--input"),
        (["--retry", "--set", "second.flie=1"], 3, "/second/flie"),
    ],
)
def test_what_cannot_be_taken_up_is_refused(
    failed: Folder, arguments: list[str], code: int, said: str
) -> None:
    done = failed.wf("run", *arguments)

    assert (done.code, said in done.err) == (code, True)


def test_what_completed_has_nothing_to_take_up(failed: Folder) -> None:
    (failed.path / "mended").touch()
    done = failed.wf("run", "--retry", "--output", "json")

    again = failed.wf("run", "--retry", _id(done), "--output", "json")

    assert (again.code, again.json()["problems"][0]["code"]) == (3, "retry.nothing")
    assert [note["status"] for note in failed.notes()] == ["COMPLETED"]


def _id(done: Done) -> str:
    return str(json.loads(done.out)["execution_id"])


def _paid(folder: Folder) -> list[str]:
    return (folder.path / "paid").read_text(encoding="utf-8").split()
