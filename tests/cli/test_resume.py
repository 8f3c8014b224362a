"""What survives: a kill, an interrupt, a resume; and who may open a store."""

import asyncio
import json
import signal
import time
from dataclasses import asdict

import pytest

from tests.cli.command import EXAMPLES, WAITING, Folder, node, until, workflow
from wfcore import Engine
from wfcore.cli.folder import KEPT, Note
from wfcore.cli.folder import Folder as Runs
from wfcore.store.sqlite_file import SqliteFile

HELLO = str(EXAMPLES / "hello.json")


def test_after_a_kill_resume_goes_on_and_repeats_nothing_that_was_done(folder: Folder) -> None:
    _start_and_kill(folder)
    (folder.path / "go").touch()

    done = folder.wf("run", "--resume")

    assert (done.code, done.json()) == (0, {"second": {"value": "saw go"}})
    assert folder.ledger() == ["first", "second", "second"]
    assert "1 kept from before" in done.err
    assert [note["status"] for note in folder.notes()] == ["COMPLETED"]


def test_resume_takes_an_id_and_keeps_what_the_execution_was_started_with(folder: Folder) -> None:
    flow = folder.write(workflow(node("only", "wait_for", file="never")))
    with folder.started("run", flow, "--plugin", WAITING, "--set", "only.file=go") as process:
        until(lambda: folder.ledger() == ["only"])
        process.kill()
    (note,) = folder.notes()
    folder.write(workflow(node("another")), flow)
    (folder.path / "go").touch()

    done = folder.wf("run", "--resume", note["execution"], "--output", "json")

    assert done.json()["execution_id"] == note["execution"]
    assert done.json()["results"]["aggregated_results"] == {"only": {"value": "saw go"}}


def test_resume_starts_what_was_submitted_but_not_triggered(folder: Folder) -> None:
    document = workflow(node("say", value="as in the document"))
    note = _note("submitted", trigger={"say": {"value": "as set"}})
    Runs(folder.runs).write(note)

    async def submit() -> None:
        async with Engine(f"sqlite:///{folder.runs}/submitted.db") as engine:
            await engine.submit(document, execution_id="submitted")

    asyncio.run(submit())

    assert folder.wf("run", "--resume").json() == {"say": "as set"}


def test_resuming_what_has_ended_shows_its_result_again(folder: Folder) -> None:
    first = folder.wf("run", HELLO, "--output", "json")

    again = folder.wf("run", "--resume", first.json()["execution_id"], "--output", "json")

    assert (again.code, again.json()) == (0, first.json())


@pytest.mark.parametrize("execution", ["no-such-id", "../../secret"])
def test_an_unknown_execution_exits_with_4(folder: Folder, execution: str) -> None:
    done = folder.wf("run", "--resume", execution)

    assert (done.code, "no execution" in done.err) == (4, True)


def test_resume_with_nothing_to_resume_exits_with_4(folder: Folder) -> None:
    folder.wf("run", HELLO)

    done = folder.wf("run", "--resume")

    assert (done.code, "no unfinished execution" in done.err) == (4, True)


def test_an_execution_that_was_never_stored_says_how_to_run_it_again(folder: Folder) -> None:
    Runs(folder.runs).write(_note("lost", command="wf run lost.json"))

    done = folder.wf("run", "--resume", "lost")

    assert done.code == 4
    assert "wf run lost.json" in done.err


@pytest.mark.parametrize("named", [True, False])
def test_a_store_in_use_exits_with_5_and_names_the_process(folder: Folder, named: bool) -> None:
    flow = folder.write(workflow(node("only", "wait_for", file="go")))
    with folder.started("run", flow, "--plugin", WAITING) as process:
        until(folder.ledger)
        execution = folder.notes()[0]["execution"]

        done = folder.wf("run", "--resume", *([execution] if named else []))

        assert done.code == 5
        assert f"process {process.pid}" in done.err


def test_ctrl_c_cancels_cleanly_and_says_so(folder: Folder) -> None:
    _assert_cancels(folder, signal.SIGINT, 130)


def test_sigterm_cancels_cleanly_too(folder: Folder) -> None:
    _assert_cancels(folder, signal.SIGTERM, 143)


def test_a_second_ctrl_c_stops_at_once_and_the_execution_can_be_finished(folder: Folder) -> None:
    flow = folder.write(workflow(node("only", "deaf")))
    with folder.started("run", flow, "--plugin", WAITING) as process:
        until((folder.path / "ledger").exists)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        until(lambda: "cancelling" in process.stderr.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    (note,) = folder.notes()
    assert process.returncode == 130, err
    assert f"wf run --resume {note['execution']}" in err


def test_old_finished_executions_go_and_unfinished_ones_stay(folder: Folder) -> None:
    runs = Runs(folder.runs)
    finished = [_note(f"done-{number}", number, status="COMPLETED") for number in range(KEPT + 3)]
    for note in [*finished, _note("open", 0)]:
        runs.write(note)
        for end in (".db", ".db-wal", ".db.lock"):
            (folder.runs / f"{note.execution}{end}").touch()
    in_use = SqliteFile(folder.runs / "done-0.db", durable=False)
    in_use.own()

    folder.wf("run", HELLO)

    in_use.release()
    left = {path.stem for path in folder.runs.glob("*.db")}
    kept = {f"done-{number}" for number in range(3, KEPT + 3)} | {"done-0", "open"}
    assert left >= kept
    assert not {"done-1", "done-2"} & {path.name.split(".")[0] for path in folder.runs.iterdir()}


def _start_and_kill(folder: Folder) -> None:
    first = node("first", "wait_for", file=str(folder.path))
    second = node("second", "wait_for", ("first",), file="go")
    flow = folder.write(workflow(first, second))
    with folder.started("run", flow, "--plugin", WAITING) as process:
        until(lambda: "second" in folder.ledger())
        process.kill()


def _assert_cancels(folder: Folder, number: signal.Signals, code: int) -> None:
    first = node("first", "wait_for", file="go")
    flow = folder.write(workflow(first, node("second", dependencies=("first",))))
    with folder.started("run", flow, "--plugin", WAITING) as process:
        until(folder.ledger)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (code, "")
    assert "cancelling" in err
    assert "wf  CANCELLED" in err
    assert [note["status"] for note in folder.notes()] == ["CANCELLED"]


def _note(execution: str, age: int = 0, **fields: object) -> Note:
    values = asdict(Note(execution, "flow.json", "wf run flow.json", time.time() - 1000 + age))
    return Note(**json.loads(json.dumps(values)) | fields)
