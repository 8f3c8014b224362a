"""The stream of an execution's events: whole, resumable, and gone when nobody reads it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple, cast

import httpx
import pytest
import pytest_asyncio

from tests.server.handlers import Doing, chain, until
from tests.server.serving import Json, ended, problems, running, serving, submitted
from wfcore import Engine, RetryDefaults
from wfcore.store.contract import NodeRecord
from wfcore.store.memory import MemoryStore
from wfserver import snapshot as snapshots
from wfserver.process import ApiServer


class Told(NamedTuple):
    """One server-sent event, as a client reads it."""

    event: str
    id: str | None
    data: Json


@pytest_asyncio.fixture
async def doing() -> Doing:
    return Doing()


@pytest_asyncio.fixture
async def engine(doing: Doing) -> AsyncIterator[Engine]:
    retry = RetryDefaults(max_retries=0)
    async with Engine(handlers=doing.handlers, retry=retry, drain_seconds=0.1) as opened:
        yield opened


@pytest_asyncio.fixture
async def served(engine: Engine) -> AsyncIterator[tuple[ApiServer, httpx.AsyncClient]]:
    async with running(engine) as both:
        yield both


@pytest.fixture
def client(served: tuple[ApiServer, httpx.AsyncClient]) -> httpx.AsyncClient:
    return served[1]


async def follow(
    client: httpx.AsyncClient, execution_id: str, after: int | None = None, query: str = ""
) -> AsyncIterator[Told]:
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    url = f"/workflows/{execution_id}/events{query}"
    async with client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Told(fields["event"], fields.get("id"), json.loads(fields["data"]))
                fields = {}


async def all_of(stream: AsyncIterator[Told]) -> list[Told]:
    return [each async for each in stream]


async def start(client: httpx.AsyncClient, workflow: Json) -> str:
    answer = await client.post("/workflow?trigger=true", json=workflow)
    return str(answer.json()["execution_id"])


def transitions(told: list[Told]) -> list[Told]:
    return [each for each in told if each.event == "transition"]


async def test_a_stream_has_a_snapshot_every_event_in_order_and_the_end(
    client: httpx.AsyncClient,
) -> None:
    execution_id = await submitted(client, chain("work", "work", "work"))
    reading = asyncio.create_task(all_of(follow(client, execution_id)))
    await asyncio.sleep(0.1)
    await client.post(f"/workflow/trigger/{execution_id}")

    told = await reading

    assert told[0].event == "snapshot"
    assert told[0].data["status"] == "PENDING"
    assert list(told[0].data["nodes"]) == ["n0", "n1", "n2"]
    assert told[-1] == Told("end", None, {"execution_id": execution_id, "status": "COMPLETED"})
    events = transitions(told)
    assert len(events) + 2 == len(told)
    first = int(told[0].id or "")
    assert [int(each.id or "") for each in events] == list(
        range(first + 1, first + 1 + len(events))
    )
    assert [each.data["seq"] for each in events] == [int(each.id or "") for each in events]
    completed = [each.data["key"] for each in events if each.data["to"] == "COMPLETED"]
    assert completed[-3:] == ["n0", "n1", "n2"]


async def test_a_stream_that_is_cut_goes_on_without_gap_or_repeat(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    execution_id = await start(client, chain("work", "held", "work"))
    seen: list[int] = []
    async with aclosing(cast("Any", follow(client, execution_id, 0))) as stream:
        async for told in stream:
            if told.event == "transition":
                seen.append(told.data["seq"])
                if told.data["key"] == "n0":
                    break
    doing.release.set()

    while True:
        # Cut again after each event.
        rest = await all_of(follow(client, execution_id, seen[-1]))
        if not transitions(rest):
            break
        seen.append(transitions(rest)[0].data["seq"])
        assert "snapshot" not in [each.event for each in rest]

    whole = [
        each.data["seq"] for each in transitions(await all_of(follow(client, execution_id, 0)))
    ]
    assert seen == whole == list(range(1, len(whole) + 1))
    assert rest == [Told("end", None, {"execution_id": execution_id, "status": "COMPLETED"})]


async def test_after_in_the_query_is_the_same(client: httpx.AsyncClient) -> None:
    execution_id = await start(client, chain("work", "work"))
    await ended(client, execution_id)

    by_query = await all_of(follow(client, execution_id, query="?after=1"))
    by_header = await all_of(follow(client, execution_id, 1, "?after=0"))

    assert by_query == by_header
    assert by_query[0].data["seq"] == 2


async def test_an_execution_that_has_ended_is_told_and_closed(client: httpx.AsyncClient) -> None:
    execution_id = await start(client, chain("fragile", "work"))
    await ended(client, execution_id)

    told = await all_of(follow(client, execution_id))

    assert [each.event for each in told] == ["snapshot", "end"]
    view = (await client.get(f"/workflows/{execution_id}")).json()
    assert told[0].data == view
    assert told[1].data["status"] == "FAILED"


async def test_what_handlers_say_comes_between_without_an_id(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    execution_id = await submitted(client, chain("held"))
    reading = asyncio.create_task(all_of(follow(client, execution_id)))
    await asyncio.sleep(0.1)
    await client.post(f"/workflow/trigger/{execution_id}")
    await until(lambda: doing.ran)
    doing.release.set()

    messages = [each for each in await reading if each.event == "message"]

    wanted = {"key": "n0", "attempt": 1, "kind": "token", "data": "hello"}
    assert wanted in [each.data for each in messages]
    assert {each.id for each in messages} == {None}


async def test_a_client_that_goes_away_frees_its_watcher(
    client: httpx.AsyncClient, doing: Doing, engine: Engine
) -> None:
    execution_id = await start(client, chain("held"))
    async with aclosing(cast("Any", follow(client, execution_id))) as stream:
        async for _ in stream:
            break
        await until(lambda: engine._parts.runtime.watchers.listening(execution_id))

    await until(lambda: not engine._parts.runtime.watchers.listening(execution_id))


async def test_a_stop_ends_streams_in_a_moment_and_they_resume_at_the_next_start(
    engine: Engine, doing: Doing
) -> None:
    async with running(engine) as (server, client):
        execution_id = await start(client, chain("held", "work"))
        reading = [asyncio.create_task(all_of(follow(client, execution_id))) for _ in range(5)]
        watchers = engine._parts.runtime.watchers
        await until(lambda: len(watchers._waiting.get(execution_id, ())) == 5)
        await until(lambda: doing.ran)
        server.should_exit = True
        begun = time.monotonic()
        cut = (await asyncio.gather(*reading))[0]
    assert time.monotonic() - begun < 2.5
    assert "end" not in [each.event for each in cut]
    last = max(int(each.id) for each in cut if each.id is not None)
    doing.release.set()

    async with serving(engine) as client:
        rest = await all_of(follow(client, execution_id, last))

    assert transitions(rest)[0].data["seq"] == last + 1
    assert rest[-1].data["status"] == "COMPLETED"


async def test_a_quiet_stream_is_kept_awake(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wfserver.stream._BEAT_SECONDS", 0.05)
    execution_id = await submitted(client, chain("work"))
    comments = 0

    async with client.stream("GET", f"/workflows/{execution_id}/events") as answer:
        async for line in answer.aiter_lines():
            comments += line.startswith(":")
            if comments == 3:
                break

    assert comments == 3


async def test_a_deleted_execution_ends_its_stream(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    execution_id = await start(client, chain("fragile"))
    await ended(client, execution_id)
    await client.delete(f"/workflows/{execution_id}")

    answer = await client.get(f"/workflows/{execution_id}/events")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({"Last-Event-ID": "9999"}, "", "events.after"),
        ({"Last-Event-ID": "x"}, "", "request.parameter"),
        ({"Last-Event-ID": "-1"}, "", "request.parameter"),
        ({}, "?after=9999", "events.after"),
        ({}, "?afer=1", "request.parameter"),
    ],
)
async def test_a_place_that_no_stream_gave_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], query: str, code: str
) -> None:
    execution_id = await submitted(client, chain("work"))

    answer = await client.get(f"/workflows/{execution_id}/events{query}", headers=headers)

    assert answer.status_code == 422
    assert problems(answer) == [(code, "")]


class SlowToRead(MemoryStore):
    """A store whose reads take long enough for the execution to go on meanwhile."""

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        await asyncio.sleep(0.002)
        found = await super().nodes(execution, after, limit)
        await asyncio.sleep(0.002)
        return found


async def test_a_snapshot_of_a_busy_execution_stands_exactly_where_it_says(
    doing: Doing, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone: list[object] = []
    take_back = snapshots._take_back

    async def noted(*arguments: Any) -> None:
        undone.append(arguments)
        await take_back(*arguments)

    monkeypatch.setattr(snapshots, "_take_back", noted)
    taken: list[tuple[Json, int]] = []
    async with Engine(SlowToRead(), handlers=doing.handlers) as engine:
        execution_id, _ = await engine.start_execution(chain(*["work"] * 300))
        record = await engine.record(execution_id)
        while not taken or taken[-1][0]["status"] == "RUNNING":
            taken.append(await snapshots.snapshot(engine, record))
        events = [each async for each in engine.events(execution_id)]
    assert undone

    for view, seq in taken:
        states = dict.fromkeys(view["nodes"], "PENDING")
        for event in events[:seq]:
            for key in event.fired:
                states[key] = "READY"
            for key in event.kept:
                states[key] = "RUNNING"
            if event.key in states and event.to is not None:
                states[event.key] = str(event.to)
        assert {key: node["state"] for key, node in view["nodes"].items()} == states
        for node in view["nodes"].values():
            assert bool(node["output"]) == (node["state"] == "COMPLETED")
