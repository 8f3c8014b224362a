"""A process that dies fails its attempt, and nothing else."""

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engine.acting import eventually
from tests.engine.documents import node, workflow
from tests.isolation.engines import ended, engine, is_gone, processes_of, read_pids
from wfcore import Status


async def test_a_segfault_fails_its_node_and_names_the_signal() -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "segfault"), node("b", "echo", value=1))

    error = result.errors["a"]
    assert (error["type"], error["retryable"]) == ("HandlerCrashed", True)
    assert error["details"] == {"signal": "SIGSEGV"}
    assert "'segfault'" in error["message"]
    assert "SIGSEGV" in error["message"]


@pytest.mark.parametrize("code", [0, 3])
async def test_leaving_the_process_fails_its_node_and_names_the_exit_code(code: int) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "leave", code=code), node("b", "echo", value=1))
        view = await opened.execution(result.execution_id)

    assert result.errors["a"]["type"] == "HandlerCrashed"
    assert result.errors["a"]["details"] == {"exit_code": code}
    assert view["nodes"]["b"]["state"] == "COMPLETED"


async def test_a_polite_exit_is_an_exception_as_on_the_loop() -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "leave_softly", code=3))
        assert len(processes_of(opened)) == 1

    assert result.errors["a"]["type"] == "SystemExit"


async def test_a_process_that_is_killed_from_outside_fails_its_node(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with engine() as opened:
        running = asyncio.create_task(ended(opened, node("a", "spin", note=str(note))))
        [pid] = await asyncio.to_thread(read_pids, note)
        os.kill(pid, signal.SIGKILL)
        result = await running

    assert result.errors["a"]["details"] == {"signal": "SIGKILL"}


async def test_the_next_attempt_gets_a_new_process() -> None:
    async with engine() as opened:
        retried = node("a", "crash_once", retry={"max_attempts": 2})
        result = await ended(opened, retried, node("b", "echo", "a", value="{{ a.output.value }}"))
        view = await opened.execution(result.execution_id)

    assert result.status is Status.COMPLETED
    assert view["nodes"]["b"]["output"] == {"value": 2}


async def test_an_idle_process_that_dies_is_replaced() -> None:
    async with engine() as opened:
        await ended(opened, node("a", "where"))
        [before] = processes_of(opened)
        os.kill(before, signal.SIGKILL)
        await eventually(lambda: processes_of(opened) == [], "its end is heard")
        result = await ended(opened, node("a", "where"))
        [after] = processes_of(opened)

    assert result.status is Status.COMPLETED
    assert before != after


async def test_crashes_beside_work_leave_the_work_alone() -> None:
    crashes = [node(f"crash{at}", "segfault") for at in range(6)]
    works = [node(f"work{at}", "where") for at in range(20)]
    async with engine() as opened:
        result = await ended(opened, *crashes, *works)
        nodes = (await opened.execution(result.execution_id))["nodes"]

    assert {nodes[f"crash{at}"]["error"]["type"] for at in range(6)} == {"HandlerCrashed"}
    assert {nodes[f"work{at}"]["state"] for at in range(20)} == {"COMPLETED"}


@pytest.mark.parametrize("handler", ["spin", "deaf", "hog", "block"])
async def test_what_does_not_end_by_itself_is_killed_at_its_timeout(
    handler: str, tmp_path: Path
) -> None:
    configs: dict[str, dict[str, Any]] = {
        "spin": {},
        "deaf": {},
        "hog": {"note": str(tmp_path / "pid")},
        "block": {"seconds": 600},
    }
    async with engine() as opened:
        await ended(opened, node("warm", "where"))
        [pid] = processes_of(opened)
        since = time.monotonic()
        result = await ended(opened, node("a", handler, timeout=0.3, **configs[handler]))
        took = time.monotonic() - since
        await eventually(lambda: is_gone(pid), "the process is killed", seconds=3)
        abandoned = opened.counters.abandoned

    assert result.errors["a"]["type"] == "Timeout"
    assert took < 10
    assert abandoned == 0


@pytest.mark.parametrize("handler", ["polite", "attentive"])
async def test_a_cancelled_handler_is_told_and_its_process_is_used_again(
    handler: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    async with engine() as opened:
        await ended(opened, node("warm", "where"))
        before = processes_of(opened)
        execution, _ = await opened.start_execution(workflow(node("a", handler, note=str(note))))
        await eventually(note.exists, "the handler runs")
        await opened.cancel(execution)
        result = await opened.wait(execution, timeout=10)
        await ended(opened, node("warm", "where"))
        after = processes_of(opened)

    assert result.status is Status.CANCELLED
    assert note.read_text() == "told"
    assert before == after


async def test_a_handler_that_is_cancelled_while_it_waits_for_a_process_never_starts(
    tmp_path: Path,
) -> None:
    note, other = tmp_path / "pid", tmp_path / "other"
    async with engine(processes=1) as opened:
        first, _ = await opened.start_execution(workflow(node("a", "spin", note=str(note))))
        await asyncio.to_thread(read_pids, note)
        second, _ = await opened.start_execution(workflow(node("a", "polite", note=str(other))))
        await opened.cancel(second)
        result = await opened.wait(second, timeout=5)
        await opened.cancel(first)
        await opened.wait(first, timeout=5)

    assert result.status is Status.CANCELLED
    assert not other.exists()


async def test_what_a_handler_started_is_killed_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    async with engine() as opened:
        result = await ended(opened, node("a", "parental", note=str(note), timeout=2))
        pids = read_pids(note)
        for pid in pids:
            await eventually(partial(is_gone, pid), f"{pid} of {pids} is gone", 5)

    assert result.errors["a"]["type"] == "Timeout"
    assert len(pids) == 3


async def test_a_fork_that_holds_on_does_not_hide_the_end_of_its_process(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    async with engine() as opened:
        running = asyncio.create_task(ended(opened, node("a", "parental", note=str(note))))
        pids = await asyncio.to_thread(read_pids, note)
        os.kill(pids[0], signal.SIGKILL)
        result = await asyncio.wait_for(running, 10)

    assert result.errors["a"]["type"] == "HandlerCrashed"
