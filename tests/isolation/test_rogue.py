"""What a process says is believed only as far as it makes sense, and an attempt always ends."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.engine.documents import node
from tests.isolation import handlers, rogue
from tests.isolation.engines import QUICK, ended, is_gone, processes_of
from wfcore import Engine, Isolation, Status


def engine(processes: int = 1) -> Engine:
    isolation = Isolation({"*": "process"}, processes=processes)
    plugins = [rogue, handlers]
    return Engine(plugins=plugins, isolation=isolation, retry=QUICK, drain_seconds=0.2)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("endless", "Busy"), ("seconds", "InvalidDelay"), ("unwritable", "_Unwritable")],
)
async def test_an_error_that_cannot_be_told_ends_the_attempt(kind: str, error: str) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "broken", kind=kind))
        again = await ended(opened, node("a", "where"))
    assert result.errors["a"]["type"] == error
    assert again.status is Status.COMPLETED


async def test_a_reason_without_words_puts_the_node_off_all_the_same() -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "broken", kind="reason"))
    assert result.status is Status.COMPLETED


@pytest.mark.parametrize(
    "frame",
    [
        {"kind": "output", "serial": 1, "output": [1, 2]},
        {"kind": "output", "output": {"value": "mine"}},
        {"kind": "output", "serial": 9, "output": {"value": "mine"}},
        {"kind": "raised", "serial": 1, "type": 3, "message": "m", "traceback": None},
        {"kind": "error", "serial": 1, "colour": "blue"},
    ],
)
async def test_a_frame_that_makes_no_sense_costs_the_process(frame: dict[str, Any]) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "forge", frame=frame))
        again = await ended(opened, node("a", "where"))
    assert result.errors["a"]["type"] == "HandlerCrashed"
    assert again.status is Status.COMPLETED


async def test_a_late_answer_is_not_that_of_the_next_attempt() -> None:
    async with engine() as opened:
        first = await ended(opened, node("a", "late"))
        second = await ended(opened, node("a", "lingering"))
        outputs = [
            (await opened.execution(each.execution_id))["nodes"]["a"]["output"]["value"]
            for each in (first, second)
        ]
    assert outputs[0] == outputs[1]


async def test_names_of_loggers_make_no_loggers_here(caplog: pytest.LogCaptureFixture) -> None:
    async with engine() as opened:
        await ended(opened, node("warm", "where"))
        before = len(logging.Logger.manager.loggerDict)
        await ended(opened, node("a", "log_much", many=200))
        after = len(logging.Logger.manager.loggerDict)
    assert after - before < 20
    assert sum(record.name.startswith("rogue.") for record in caplog.records) == 200


async def test_processes_that_are_leaving_count_as_well(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    most = 0

    async def count() -> None:
        nonlocal most
        while True:
            started = {int(pid) for pid in note.read_text().split()} if note.exists() else set()
            alive = [pid for pid in started | set(processes_of(opened)) if not is_gone(pid)]
            most = max(most, len(alive))
            await asyncio.sleep(0.01)

    async with engine() as opened:
        counting = asyncio.create_task(count())
        for _ in range(2):
            for each in (node("a", "slow_to_close", note=str(note)), node("a", "where")):
                assert (await ended(opened, each)).status is Status.COMPLETED
        counting.cancel()
    assert most == 1
