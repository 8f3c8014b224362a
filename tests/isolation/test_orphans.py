"""No process outlives its engine, however that ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.acting import eventually
from tests.engine.documents import node, workflow
from tests.isolation.engines import ended, engine, is_gone, processes_of, read_pids
from tests.project.tree import ROOT, clean_environment

ORPHAN = Path(__file__).with_name("orphan.py")


def _start(handler: str, note: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, ORPHAN, handler, note],
        cwd=ROOT,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def _all_gone(pids: list[int], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while left := [pid for pid in pids if not is_gone(pid)]:
        assert time.monotonic() < end, f"{left} of {pids} are left"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "handler",
    [
        "spin",
        "parental",
        pytest.param(
            "hog",
            marks=pytest.mark.skipif(
                sys.platform != "linux", reason="only Linux ends it without its own help"
            ),
        ),
    ],
)
def test_a_killed_engine_leaves_no_process_behind(handler: str, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with _start(handler, note) as program:
        try:
            pids = read_pids(note)
            assert not any(is_gone(pid) for pid in pids)
        finally:
            program.kill()
    _all_gone(pids)


def test_an_interrupt_of_the_whole_group_is_the_engines_to_answer(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with _start("spin", note) as program:
        try:
            [pid] = read_pids(note)
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(pid, number)
            time.sleep(0.3)
            assert not is_gone(pid)
            os.killpg(program.pid, signal.SIGINT)
            out, _ = program.communicate(timeout=20)
        finally:
            program.kill()
    assert "RUNNING" in out
    assert program.returncode == 0
    _all_gone([pid])


async def test_closing_ends_idle_processes_and_lets_their_handlers_close(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with engine() as opened:
        await ended(opened, node("a", "closing", note=str(note)), node("b", "where"))
        pids = processes_of(opened)
        since = time.monotonic()
    took = time.monotonic() - since

    assert pids
    assert all(is_gone(pid) for pid in pids)
    assert took < 3
    assert note.read_text() == "closed"


@pytest.mark.parametrize("handler", ["spin", "hog"])
async def test_closing_ends_busy_processes_within_bounds(handler: str, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    async with engine() as opened:
        await opened.start_execution(workflow(node("a", handler, note=str(note))))
        pids = await asyncio.to_thread(read_pids, note)
        since = time.monotonic()
    took = time.monotonic() - since

    assert all(is_gone(pid) for pid in pids)
    assert took < 8


async def test_a_second_engine_in_the_same_program_starts_processes_of_its_own() -> None:
    async with engine() as first, engine() as second:
        await ended(first, node("a", "where"))
        await ended(second, node("a", "where"))
        pids = [*processes_of(first), *processes_of(second)]
        assert len(set(pids)) == 2
        await first.close()
        await eventually(lambda: is_gone(pids[0]), "the first one's is gone")
        assert not is_gone(pids[1])
