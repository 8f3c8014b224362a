"""Waiting for the end: in time, all with one question to the engine, and never past a stop."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.server.handlers import Doing, chain, until
from tests.server.serving import problems, running, submitted
from wfcore import Engine, RetryDefaults
from wfserver.process import ApiServer
from wfserver.waiting import WaitingRoom


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


def room(server: ApiServer) -> WaitingRoom:
    found = server._app.state.waiting
    assert isinstance(found, WaitingRoom)
    return found


async def test_one_call_starts_and_waits_for_the_results(client: httpx.AsyncClient) -> None:
    answer = await client.post("/workflow?trigger=true&wait=20", json=chain("work", "work"))

    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["execution_id", "status", "completed", "results", "message"]
    assert body["status"] == "COMPLETED"
    again = await client.get(f"/workflows/{body['execution_id']}/results?wait=20")
    assert again.json() == body


async def test_a_failed_execution_is_answered_like_any_other(client: httpx.AsyncClient) -> None:
    answer = await client.post("/workflow?trigger=true&wait=20", json=chain("fragile"))

    assert answer.status_code == 200
    assert answer.json()["status"] == "FAILED"
    assert answer.json()["errors"]["n0"]["type"] == "Broken"


async def test_an_input_comes_with_the_one_call(client: httpx.AsyncClient) -> None:
    workflow = chain("work", input={"who": "Ada"})
    workflow["dag"]["nodes"][0]["config"] = {"value": "{{ execution.input.who }}"}

    answer = await client.post("/workflow?trigger=true&wait=20", json=workflow)

    assert answer.json()["results"]["aggregated_results"] == {"n0": {"value": "Ada"}}


async def test_when_the_time_is_up_the_answer_is_where_it_stands(
    client: httpx.AsyncClient, served: tuple[ApiServer, httpx.AsyncClient]
) -> None:
    answer = await client.post("/workflow?trigger=true&wait=0.2", json=chain("held"))

    assert answer.status_code == 200
    assert answer.json()["status"] == "RUNNING"
    assert answer.json()["completed"] is False
    assert room(served[0])._awaited == {}


async def test_many_who_wait_are_answered_as_it_ends_and_ask_the_engine_once(
    client: httpx.AsyncClient,
    served: tuple[ApiServer, httpx.AsyncClient],
    doing: Doing,
) -> None:
    execution_id = await submitted(client, chain("held"))
    await client.post(f"/workflow/trigger/{execution_id}")
    url = f"/workflows/{execution_id}/results?wait=60"
    waiting = [asyncio.create_task(client.get(url)) for _ in range(20)]
    await until(lambda: room(served[0])._waiting.get(execution_id) == 20)
    assert len(room(served[0])._awaited) == 1

    doing.release.set()
    answers = await asyncio.gather(*waiting)

    assert {answer.json()["status"] for answer in answers} == {"COMPLETED"}
    assert room(served[0])._waiting == {}


async def test_a_client_that_goes_away_is_not_waited_for(
    client: httpx.AsyncClient, served: tuple[ApiServer, httpx.AsyncClient], engine: Engine
) -> None:
    execution_id = await submitted(client, chain("held"))
    leaving = httpx.AsyncClient(base_url=client.base_url)
    waiting = asyncio.create_task(leaving.get(f"/workflows/{execution_id}/results?wait=60"))
    await until(lambda: room(served[0])._waiting)
    assert engine._parts.runtime.watchers.listening(execution_id)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await leaving.aclose()

    await until(lambda: not room(served[0])._waiting)
    await until(lambda: not engine._parts.runtime.watchers.listening(execution_id))


async def test_a_stop_answers_those_who_wait_at_once(
    client: httpx.AsyncClient, served: tuple[ApiServer, httpx.AsyncClient]
) -> None:
    server, _ = served
    execution_id = await submitted(client, chain("held"))
    waiting = asyncio.create_task(client.get(f"/workflows/{execution_id}/results?wait=60"))
    await until(lambda: room(server)._waiting)

    server.should_exit = True
    begun = time.monotonic()
    answer = await waiting

    assert time.monotonic() - begun < 2.5
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")


@pytest.mark.parametrize(
    "query", ["wait=5", "trigger=true&wait=61", "trigger=true&wait=-1", "trigger=true&wait=nan"]
)
async def test_a_wait_that_cannot_be_is_refused_and_stores_nothing(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.post(f"/workflow?{query}", json=chain("work"))

    assert answer.status_code == 422
    assert problems(answer) == [("request.parameter", "")]
    assert (await client.get("/workflows")).json()["executions"] == []


async def test_who_waits_for_the_next_one_with_an_id_is_not_told_of_the_one_before(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await engine.submit(chain("work"), execution_id="again")
    first = asyncio.create_task(client.get("/workflows/again/results?wait=20"))
    await asyncio.sleep(0.1)
    await engine._parts.retention.sweep(0)
    await engine.start_execution(chain("work", "work"), execution_id="again")
    second = await client.get("/workflows/again/results?wait=20")
    assert second.status_code == 200
    assert (await first).status_code == 200
