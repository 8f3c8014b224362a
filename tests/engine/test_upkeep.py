import asyncio
import logging

import pytest

from wfcore.engine import upkeep
from wfcore.engine.upkeep import keep_running, tell_failure


async def test_a_loop_that_fails_is_started_again_and_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_PAUSE_SECONDS", 0.0)
    began: list[int] = []
    enough = asyncio.Event()

    async def work() -> None:
        began.append(len(began))
        if len(began) == 3:
            enough.set()
            await asyncio.Event().wait()
        raise LookupError("gone wrong")

    task = asyncio.create_task(keep_running("sweeper", work))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert began == [0, 1, 2]
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


async def test_the_failure_of_a_task_is_told_and_an_end_or_a_cancellation_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise LookupError("gone wrong")

    async def end() -> None:
        return

    tasks = [asyncio.create_task(fail()), asyncio.create_task(end()), asyncio.create_task(end())]
    tasks[2].cancel()
    await asyncio.wait(tasks)
    with caplog.at_level(logging.ERROR):
        for task in tasks:
            tell_failure(task)
    assert ["gone wrong" in record.getMessage() for record in caplog.records] == [True]
