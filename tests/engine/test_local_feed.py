"""What a feed of this process tells, whatever becomes of the store, relay and executions."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from wfcore.engine.local_feed import LocalFeed
from wfcore.errors import StoreError
from wfcore.store.contract import Event
from wfcore.workflow.states import Status


def event(seq: int, status: Status = Status.RUNNING) -> Event:
    return Event(seq, 0, "a", None, None, 1, (), (), status, None)


class Log:
    """The events of a store, and what its next reading does."""

    def __init__(self) -> None:
        self.logs: dict[str, list[Event]] = {}
        self.failing: set[str] = set()
        self.held: asyncio.Event | None = None

    async def events(self, execution: str, after: int, limit: int) -> Sequence[Event]:
        if self.held is not None:
            await self.held.wait()
        if execution in self.failing:
            raise StoreError("away")
        return [each for each in self.logs.get(execution, []) if each.seq > after][:limit]


def feed_of(log: Any, *noted: str) -> LocalFeed:
    feed = LocalFeed(log)
    for execution in noted:
        log.logs[execution] = [event(1), event(2, Status.COMPLETED)]
        feed.note(execution)
    return feed


async def ids(feed: LocalFeed, limit: int = 500) -> list[str]:
    page = await feed.feed(0, "r", "nodes", limit)
    assert page is not None
    return [f"{execution}/{each.seq}" for execution, each in page.events]


async def test_a_read_that_fails_loses_nothing() -> None:
    log = Log()
    feed = feed_of(log, "x")
    log.failing = {"x"}
    with pytest.raises(StoreError):
        await ids(feed)
    log.failing = set()
    assert await ids(feed) == ["x/1", "x/2"]


async def test_what_was_read_before_a_failure_is_told_meanwhile() -> None:
    log = Log()
    feed = feed_of(log, "x", "y")
    log.failing = {"y"}
    assert await ids(feed) == ["x/1", "x/2"]
    await feed.fed(0, "r", 2)
    log.failing = set()
    assert await ids(feed) == ["y/1", "y/2"]


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    log = Log()
    feed = feed_of(log, "x")
    log.held = asyncio.Event()
    reading = asyncio.create_task(ids(feed))
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait({reading})
    log.held = None
    assert await ids(feed) == ["x/1", "x/2"]


async def test_an_id_that_comes_again_is_told_again() -> None:
    log = Log()
    feed = feed_of(log, "x")
    assert await ids(feed) == ["x/1", "x/2"]
    await feed.fed(0, "r", 2)
    feed.note("x")
    assert await ids(feed) == []
    feed.forget("x")
    feed.note("x")
    assert await ids(feed) == ["x/1", "x/2"]


async def test_what_is_read_before_its_deletion_is_told_in_pages() -> None:
    log = Log()
    feed = feed_of(log, "x")
    log.logs["x"] = [*(event(seq) for seq in range(1, 1_200)), event(1_200, Status.COMPLETED)]
    await feed.keep("x")
    log.logs.clear()
    feed.forget("x")
    assert len(await ids(feed)) == 500
    await feed.fed(0, "r", 500)
    assert (await ids(feed))[0] == "x/501"
    await feed.fed(0, "r", 500)
    assert (await ids(feed))[-1] == "x/1200"


async def test_an_execution_of_an_earlier_process_is_not_told_when_it_is_deleted() -> None:
    log = Log()
    feed = feed_of(log, "x")
    log.logs["old"] = [event(1, Status.COMPLETED)]
    await feed.keep("old")
    assert await ids(feed) == ["x/1", "x/2"]
