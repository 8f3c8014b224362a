"""What a plugin's sink does to others, to the engine and to the process: nothing."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.test_hooks import Sink, Sinks, Turns, document, engine
from wfcore import EventSink
from wfcore.engine import local_feed, relay
from wfcore.engine.relay import Telling
from wfcore.store.contract import Event
from wfcore.store.memory import MemoryStore

ENDED = ["wfcore.execution.started", "wfcore.execution.completed"]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/wf.db"


def kinds(sink: Sink) -> list[str]:
    return [event["type"] for event in sink.told]


class Raising(Sink):
    """Raises the same wherever it is called."""

    def __init__(self, error: Callable[[], BaseException], *where: str) -> None:
        super().__init__()
        self.error, self.where = error, where

    def _do(self, what: str) -> None:
        if what in self.where:
            raise self.error()

    async def open(self) -> None:
        self._do("open")

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._do("tell")

    async def close(self) -> None:
        self._do("close")


@pytest.mark.parametrize("where", ["open", "tell", "close"])
@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, GeneratorExit])
async def test_a_sink_that_raises_what_is_no_exception_harms_nobody(
    where: str, error: type[BaseException]
) -> None:
    well = Turns()
    async with engine(Sinks(Raising(error, where), well)) as running:
        await running.run(document({"text": "x"}))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while len(well.told) < 2:
                await asyncio.sleep(0.02)
    assert kinds(well) == ENDED
    assert well.closed


class Cancelling(Sink):
    """Cancels the task that it runs in."""

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)


async def test_a_sink_that_cancels_itself_has_failed() -> None:
    async with engine(Sinks(Cancelling())) as running:
        await running.run(document({"text": "x"}))
        async with asyncio.timeout(10):
            while not running.counters.events_lost:
                await asyncio.sleep(0.02)


class Mutating(Sink):
    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            event["data"]["execution_id"] = "spoilt"
            dict.clear(event)  # type: ignore[arg-type]


async def test_a_sink_that_changes_events_changes_its_own_only() -> None:
    well = Turns()
    async with engine(Sinks(Mutating(), well)) as running:
        execution = (await running.run(document({"text": "x"}))).execution_id
    assert kinds(well) == ENDED
    assert {event["data"]["execution_id"] for event in well.told} == {execution}


class Hanging(Sink):
    async def open(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await asyncio.Event().wait()


async def test_a_sink_that_hangs_at_both_ends_holds_up_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "_TELL_SECONDS", 0.2)
    monkeypatch.setattr(relay, "_CLOSE_SECONDS", 0.2)
    async with asyncio.timeout(5), engine(Sinks(Hanging())) as running:
        await running.run(document({"text": "x"}))


class Bounded(EventSink):
    """Takes nothing, and says so after a time limit of its own: as long as a plugin's sink has."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.heard = 0
        self.away = True

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                if self.away:
                    await asyncio.Event().wait()
        except TimeoutError:
            self.heard += 1
            raise


async def test_a_sink_of_the_operators_bounds_itself_and_its_outage_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "_TELL_SECONDS", 0.05)
    monkeypatch.setattr(relay, "_IDLE_SECONDS", 0.01)
    sink = Bounded(0.05)
    with caplog.at_level(logging.WARNING):
        async with engine(events_to=Telling(sink)) as running:
            await running.run(document({"text": "x"}))
            async with asyncio.timeout(5):
                while sink.heard < 3:
                    await asyncio.sleep(0.01)
            sink.away = False
    assert len([record for record in caplog.records if "events wait" in record.message]) == 1


async def test_at_the_close_a_sink_that_failed_is_told_again(store: str) -> None:
    late = Turns(failures=2)
    async with engine(Sinks(late), store=store) as running:
        await running.run(document({"text": "x"}))
        counters = running.counters
    assert kinds(late) == ENDED
    assert counters.events_lost == 0


async def test_what_is_not_told_at_the_close_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "_CLOSE_SECONDS", 0.3)
    never = Turns(failures=100_000)
    async with engine(events_to=Telling(never)) as running:
        await running.run(document({"text": "x"}))
        counters = running.counters
    assert counters.events_lost == 2
    assert "2 events are not told" in caplog.text


async def test_what_is_deleted_at_once_is_told(store: str) -> None:
    well = Turns()
    async with engine(Sinks(well), store=store) as running:
        for _ in range(3):
            await running.delete((await running.run(document({"text": "x"}))).execution_id)
    assert kinds(well) == ENDED * 3


async def test_where_too_much_waits_to_be_told_the_retention_waits_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_feed, "_MOST_PENDING", 1)
    monkeypatch.setattr(relay, "_IDLE_SECONDS", 0.01)
    away = Turns(failures=100_000)
    async with engine(events_to=Telling(away), retention_seconds=0) as running:
        ids = [(await running.start_execution(document({"text": "x"})))[0] for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting = (await running.executions()).records
        away.failures = 0
        async with asyncio.timeout(10):
            while (await running.executions()).records or len(away.told) < 6:
                await asyncio.sleep(0.02)
    assert waiting
    assert {event["subject"] for event in away.told} == set(ids)
    assert sorted(kinds(away)) == sorted(ENDED * 3)


class Slow(MemoryStore):
    """Reads events slowly."""

    reads = 0

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        self.reads += 1
        await asyncio.sleep(0.2)
        return await super().events(execution, after, limit)


async def test_what_is_being_read_at_the_close_is_told() -> None:
    well, slow = Turns(), Slow()
    async with engine(Sinks(well), store=slow) as running:
        await running.run(document({"text": "x"}))
        async with asyncio.timeout(5):
            while not slow.reads:
                await asyncio.sleep(0.01)
    assert kinds(well) == ENDED


async def test_what_is_not_kept_is_told(store: str) -> None:
    well = Turns()
    async with engine(Sinks(well), store=store, retention_seconds=0) as running:
        for _ in range(3):
            await running.start_execution(document({"text": "x"}))
        async with asyncio.timeout(10):
            while (await running.executions()).records:
                await asyncio.sleep(0.02)
    assert sorted(kinds(well)) == sorted(ENDED * 3)


async def test_an_id_that_is_used_again_is_told_again(store: str) -> None:
    well = Turns()
    async with engine(Sinks(well), store=store) as running:
        for turn in range(1, 3):
            await running.start_execution(document({"text": "x"}), execution_id="mine")
            await running.wait("mine")
            async with asyncio.timeout(10):
                while len(well.told) < 2 * turn:
                    await asyncio.sleep(0.02)
            await running.delete("mine")
    assert kinds(well) == ENDED * 2
