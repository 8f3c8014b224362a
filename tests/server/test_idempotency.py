"""One Idempotency-Key makes one execution: repeated, through two servers, after a restart."""

import asyncio
import copy
from pathlib import Path

import httpx
import pytest

from tests.server.handlers import Doing, chain
from tests.server.serving import Json, ended, problems, serving
from wfcore import Engine
from wfcore.store.memory import MemoryStore

KEY = {"Idempotency-Key": "order 4711/β".encode().hex()}


async def post(
    client: httpx.AsyncClient, workflow: Json, query: str = "", key: dict[str, str] = KEY
) -> httpx.Response:
    return await client.post(f"/workflow{query}", json=workflow, headers=key)


async def count(client: httpx.AsyncClient) -> int:
    return len((await client.get("/workflows")).json()["executions"])


async def test_the_same_submission_again_makes_no_second_execution(
    client: httpx.AsyncClient, seed: Json
) -> None:
    first, again = await post(client, seed), await post(client, seed)

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["status"] == "PENDING"
    assert await count(client) == 1
    other = await post(client, seed, key={"Idempotency-Key": "another"})
    assert other.json()["execution_id"] != first.json()["execution_id"]


async def test_a_repeat_answers_where_the_execution_stands_by_now(
    client: httpx.AsyncClient, seed: Json
) -> None:
    first = await post(client, seed, "?trigger=true")
    assert first.json()["status"] == "RUNNING"
    await ended(client, first.json()["execution_id"])

    for query in ("", "?trigger=true", "?trigger=true&wait=5"):
        again = await post(client, seed, query)
        assert again.status_code == 200
        assert again.json()["execution_id"] == first.json()["execution_id"]
        assert again.json()["status"] == "COMPLETED"


async def test_another_workflow_or_input_under_the_same_key_is_a_conflict(
    client: httpx.AsyncClient, seed: Json
) -> None:
    await post(client, {**seed, "input": {"a": 1}})
    others = [{**seed, "input": {"a": 2}}, seed, {**seed, "name": "other", "input": {"a": 1}}]

    for other in others:
        for query in ("", "?trigger=true"):
            answer = await post(client, other, query)
            assert answer.status_code == 409
            assert problems(answer) == [("idempotency.conflict", "")]
    assert await count(client) == 1


async def test_a_refused_workflow_does_not_use_its_key_up(
    client: httpx.AsyncClient, seed: Json
) -> None:
    wrong = copy.deepcopy(seed)
    wrong["dag"]["nodes"][0]["handler"] = "nobody"

    assert (await post(client, wrong)).status_code == 422
    assert (await post(client, seed)).status_code == 200


async def test_two_servers_at_once_make_one_execution() -> None:
    store, doing = MemoryStore(), Doing()
    async with (
        Engine(store, handlers=doing.handlers) as first,
        Engine(store, handlers=doing.handlers) as second,
        serving(first) as one,
        serving(second) as two,
    ):
        assert one.base_url != two.base_url
        answers = await asyncio.gather(
            *(post(one if n % 2 else two, chain("work"), "?trigger=true") for n in range(20))
        )
        conflict = await post(two, chain("work", name="other"), "?trigger=true")
        [execution_id] = {answer.json()["execution_id"] for answer in answers}
        results = await ended(two, execution_id)
        stored = await count(one)

    assert {answer.status_code for answer in answers} == {200}
    assert results["status"] == "COMPLETED"
    assert doing.ran == ["n0"]
    assert stored == 1
    assert conflict.status_code == 409


async def test_a_key_holds_after_a_restart(tmp_path: Path, seed: Json) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    async with Engine(store) as engine, serving(engine) as client:
        first = (await post(client, seed)).json()

    async with Engine(store) as engine, serving(engine) as client:
        again = (await post(client, seed)).json()
        conflict = await post(client, {**seed, "name": "other"})
        stored = await count(client)

    assert again == first
    assert conflict.status_code == 409
    assert stored == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "caf\xe9"])
async def test_a_key_that_cannot_be_is_refused(
    client: httpx.AsyncClient, seed: Json, key: str
) -> None:
    headers = {b"idempotency-key": key.encode("latin-1")}

    answer = await client.post("/workflow", json=seed, headers=headers)

    assert answer.status_code == 422
    assert problems(answer) == [("request.parameter", "")]
    assert await count(client) == 0
