"""A handler that blocks its loop blocks nobody else, where the operator says so."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tests.engine.acting import eventually
from tests.engine.documents import node, workflow
from tests.isolation.engines import ended, engine, processes_of
from wfcore import Status


@pytest.mark.parametrize("level", ["thread", "process"])
async def test_a_handler_that_blocks_its_loop_does_not_stop_another_node(
    level: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    async with engine({"block_until": level}) as opened:
        blocked, _ = await opened.start_execution(
            workflow(node("a", "block_until", note=str(note)))
        )
        free = await ended(opened, *(node(f"n{at}", "echo", value=at) for at in range(50)))
        standing = await opened.record(blocked)
        note.touch()
        result = await opened.wait(blocked, timeout=20)

    assert free.status is Status.COMPLETED
    assert standing.status is Status.RUNNING
    assert result.status is Status.COMPLETED


@pytest.mark.parametrize(
    ("handler", "level", "same_process", "same_thread"),
    [
        ("where", "task", True, True),
        ("where_sync", "task", True, False),
        ("where", "thread", True, False),
        ("where_sync", "thread", True, False),
        ("where", "process", False, False),
        ("where_sync", "process", False, False),
    ],
)
async def test_each_level_runs_where_it_says(
    handler: str, level: str, same_process: bool, same_thread: bool
) -> None:
    async with engine({handler: level}) as opened:
        result = await ended(opened, node("a", handler))
        found = (await opened.execution(result.execution_id))["nodes"]["a"]["output"]

    assert (found["process"] == os.getpid()) is same_process
    assert (same_process and found["thread"] == threading.get_ident()) is same_thread


async def test_a_hundred_nodes_share_two_processes() -> None:
    async with engine() as opened:
        result = await ended(opened, *(node(f"n{at}", "where") for at in range(100)))
        nodes = (await opened.execution(result.execution_id))["nodes"]
        running = processes_of(opened)

    assert result.status is Status.COMPLETED
    assert {each["output"]["process"] for each in nodes.values()} == set(running)
    assert 1 <= len(running) <= 2


async def test_handlers_of_two_origins_take_turns_in_one_process_slot() -> None:
    levels = {"echo": "process", "where": "process"}
    async with engine(levels, processes=1) as opened:
        for _ in range(2):
            result = await ended(
                opened, node("a", "where"), node("b", "echo", value=1), node("c", "where", "b")
            )
            assert result.status is Status.COMPLETED, result.errors
            assert len(processes_of(opened)) == 1


async def test_processes_start_when_they_are_needed_and_not_before() -> None:
    async with engine() as opened:
        await ended(opened, node("a", "echo", value=1))
        assert processes_of(opened) == []
        await ended(opened, node("a", "where"))
        assert len(processes_of(opened)) == 1


async def test_a_coroutine_on_a_loop_of_its_own_is_cancelled_and_waited_for(
    tmp_path: Path,
) -> None:
    note = tmp_path / "note"
    async with engine({"polite": "thread"}) as opened:
        result = await ended(opened, node("a", "polite", note=str(note), timeout=0.3))

    assert note.read_text() == "told"
    assert result.errors["a"]["type"] == "Timeout"


async def test_a_blocked_loop_of_its_own_is_abandoned_and_its_slot_replaced() -> None:
    async with engine({"block": "thread"}, concurrency=1) as opened:
        result = await ended(opened, node("a", "block", seconds=6, timeout=0.1))
        free = await ended(opened, node("a", "echo", value=1))
        assert opened.counters.abandoned == 1

    assert result.errors["a"]["type"] == "Timeout"
    assert free.status is Status.COMPLETED


@pytest.mark.parametrize("kind", ["exit", "cancelled", "exception", "node error"])
async def test_what_ends_a_loop_of_its_own_ends_no_other(kind: str) -> None:
    expected = {
        "exit": "SystemExit",
        "cancelled": "CancelledError",
        "exception": "KeyError",
        "node error": "Busy",
    }
    async with engine({"fall": "thread"}) as opened:
        result = await ended(opened, node("a", "fall", kind=kind), node("b", "echo", value=1))
        again = await ended(opened, node("a", "echo", value=1))

    assert result.errors["a"]["type"] == expected[kind]
    assert again.status is Status.COMPLETED


async def test_many_loops_of_their_own_at_a_time() -> None:
    async with engine({"where": "thread"}) as opened:
        result = await ended(opened, *(node(f"n{at}", "where") for at in range(200)))
        await eventually(lambda: opened._parts.worker._slots.free == 100, "all slots are free")

    assert result.status is Status.COMPLETED
    assert asyncio.get_running_loop().is_running()
