"""Cancel, take up again, delete, and the list that finds what to steer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.server.handlers import Doing, chain, until
from tests.server.serving import Json, ended, problems, serving, submitted
from wfcore import Engine, RetryDefaults

UNKNOWN = "a1b2c3d4-e5f6-7890-1234-567890abcdef"


@pytest_asyncio.fixture
async def doing() -> Doing:
    return Doing()


@pytest_asyncio.fixture
async def client(doing: Doing) -> AsyncIterator[httpx.AsyncClient]:
    retry = RetryDefaults(max_retries=0)
    async with (
        Engine(handlers=doing.handlers, retry=retry, drain_seconds=0.1) as engine,
        serving(engine) as served,
    ):
        yield served


async def start(client: httpx.AsyncClient, workflow: Json) -> str:
    answer = await client.post("/workflow?trigger=true", json=workflow)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["execution_id", "status"]
    assert answer.json()["status"] == "RUNNING"
    return str(answer.json()["execution_id"])


async def failed(client: httpx.AsyncClient, *handlers: str, **more: Any) -> str:
    execution_id = await start(client, chain(*(handlers or ("fragile",)), **more))
    assert (await ended(client, execution_id))["status"] == "FAILED"
    return execution_id


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["execution_id"] for each in answer.json()["executions"]]


async def test_a_running_execution_is_cancelled(client: httpx.AsyncClient, doing: Doing) -> None:
    execution_id = await start(client, chain("held", "work"))
    await until(lambda: doing.ran)

    answer = await client.post(f"/workflows/{execution_id}/cancel")

    assert answer.status_code == 200
    assert (await ended(client, execution_id))["status"] == "CANCELLED"
    again = await client.post(f"/workflows/{execution_id}/cancel")
    assert again.json() == {"execution_id": execution_id, "status": "CANCELLED"}
    assert doing.ran == ["n0"]


async def test_a_retry_does_not_run_again_what_had_completed(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    old = await failed(client, "work", "fragile", "work")
    doing.mended = True

    answer = await client.post(f"/workflows/{old}/retry")

    assert answer.status_code == 200
    assert list(answer.json()) == ["execution_id", "status", "retry_of"]
    assert answer.json()["retry_of"] == old
    new = answer.json()["execution_id"]
    assert new != old
    assert (await ended(client, new))["status"] == "COMPLETED"
    assert doing.ran == ["n0", "n1", "n1", "n2"]
    assert (await client.get(f"/workflows/{new}")).json()["retry_of"] == old
    assert ids(await client.get("/workflows", params={"retry_of": old})) == [new]


async def test_a_retry_may_replace_configs(client: httpx.AsyncClient, doing: Doing) -> None:
    old = await failed(client, "work", "fragile")
    doing.mended = True

    wrong = await client.post(f"/workflows/{old}/retry", json={"n1": {"valu": 1}})
    right = await client.post(f"/workflows/{old}/retry", json={"n1": {"value": 7}})

    assert wrong.status_code == 422
    assert problems(wrong)[0][1] == "/n1/valu"
    results = await ended(client, right.json()["execution_id"])
    assert results["results"]["aggregated_results"] == {"n1": {"value": 7}}


async def test_what_cannot_be_retried_is_a_conflict(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    done = await start(client, chain("work"))
    await ended(client, done)
    open_one = await start(client, chain("held"))

    nothing = await client.post(f"/workflows/{done}/retry")
    too_soon = await client.post(f"/workflows/{open_one}/retry")

    assert (nothing.status_code, problems(nothing)) == (409, [("retry.nothing", "")])
    assert (too_soon.status_code, problems(too_soon)) == (409, [("retry.open", "")])


async def test_many_are_taken_up_again_at_once_each_of_them_once(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    support = [await failed(client, labels={"team": "support"}) for _ in range(3)]
    other = await failed(client, labels={"team": "sales"})
    doing.mended = True
    wanted = {"labels": {"team": "support"}, "limit": 2}

    first = (await client.post("/workflows/retry", json=wanted)).json()
    rest = (await client.post("/workflows/retry", json=wanted)).json()
    third = (await client.post("/workflows/retry", json=wanted)).json()

    assert [len(each["retried"]) for each in (first, rest, third)] == [2, 1, 0]
    assert first["next"]
    assert rest["next"] is None
    taken_up = first["retried"] + rest["retried"]
    assert {each["retry_of"] for each in taken_up} == set(support)
    for each in taken_up:
        assert (await ended(client, each["execution_id"]))["status"] == "COMPLETED"
    unfinished = await client.get("/workflows?status=failed&retried=false")
    assert ids(unfinished) == [other]


async def test_of_many_those_that_cannot_be_taken_up_are_told_with_their_problems(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    old = await failed(client)

    answer = await client.post("/workflows/retry", json={"overrides": {"n9": {"value": 1}}})

    assert answer.json()["retried"] == []
    [refused] = answer.json()["refused"]
    assert refused["execution_id"] == old
    assert refused["problems"][0]["pointer"] == "/n9"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"statuses": ["FAILED"]}, ""),
        ({"status": "BROKEN"}, "/status"),
        ({"limit": 0}, "/limit"),
        ({"created_after": "yesterday"}, "/created_after"),
        ([], ""),
    ],
    ids=str,
)
async def test_a_wrong_filter_for_many_is_refused(
    client: httpx.AsyncClient, body: Any, place: str
) -> None:
    await failed(client)

    answer = await client.post("/workflows/retry", json=body)

    assert answer.status_code == 422
    found = {(code, at.removesuffix("/statuses")) for code, at in problems(answer)}
    assert found == {("request.body", place)}


async def test_only_what_has_ended_can_be_deleted(client: httpx.AsyncClient, doing: Doing) -> None:
    execution_id = await start(client, chain("held"))
    await until(lambda: doing.ran)

    too_soon = await client.delete(f"/workflows/{execution_id}")
    doing.release.set()
    await ended(client, execution_id)
    deleted = await client.delete(f"/workflows/{execution_id}")

    assert (too_soon.status_code, problems(too_soon)) == (409, [("delete.open", "")])
    assert (deleted.status_code, deleted.content) == (204, b"")
    for path in ("", "/results", "/events", "/nodes/n0"):
        assert (await client.get(f"/workflows/{execution_id}{path}")).status_code == 404
    assert (await client.delete(f"/workflows/{execution_id}")).status_code == 404


async def test_the_list_pages_through_all_of_them_the_newest_first(
    client: httpx.AsyncClient,
) -> None:
    made = [await submitted(client, chain("work", name=f"n{i}")) for i in range(7)]
    found: list[str] = []
    url: str | None = "/workflows?limit=3"
    pages = 0

    while url:
        answer = await client.get(url)
        found += ids(answer)
        pages += 1
        url = answer.links.get("next", {}).get("url")
        assert (url is None) == (answer.json()["next"] is None)

    assert (pages, found) == (3, made[::-1])


async def test_the_list_is_filtered_by_everything_that_is_given(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    labels = {"team": "support", "zone": "a:b"}
    broken = await failed(client, name="one", labels=labels)
    done = await start(client, chain("work", name="two", labels=labels))
    await ended(client, done)
    waiting = await submitted(client, chain("work", name="two"))
    created = (await client.get("/workflows?name=one")).json()["executions"][0]["created"]
    cases: list[tuple[Any, list[str]]] = [
        ({}, [waiting, done, broken]),
        ({"status": "FAILED"}, [broken]),
        ({"status": ["failed", "PENDING"]}, [waiting, broken]),
        ({"name": "two"}, [waiting, done]),
        ({"label": "team:support"}, [done, broken]),
        ({"label": ["team:support", "zone:a:b"], "name": "one"}, [broken]),
        ({"label": "team:sales"}, []),
        ({"created_after": created}, [waiting, done, broken]),
        ({"created_before": created}, []),
        ({"created_before": "1700000000.5"}, []),
        ({"created_after": "2001-01-01T00:00:00+01:00"}, [waiting, done, broken]),
        ({"retried": "false"}, [waiting, done, broken]),
    ]

    for params, wanted in cases:
        assert ids(await client.get("/workflows", params=params)) == wanted, params
    unescaped = await client.get("/workflows?created_after=2001-01-01T00:00:00+01:00")
    assert len(ids(unescaped)) == 3


async def test_a_summary_says_what_and_when(client: httpx.AsyncClient) -> None:
    execution_id = await start(client, chain("work", labels={"team": "support"}))
    await ended(client, execution_id)

    [summary] = (await client.get("/workflows")).json()["executions"]

    times = [summary.pop(name) for name in ("created", "started", "ended")]
    assert times == sorted(times)
    assert all(each.endswith("Z") for each in times)
    assert summary == {
        "execution_id": execution_id,
        "name": "chain",
        "status": "COMPLETED",
        "labels": {"team": "support"},
    }


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("status=BROKEN", "request.parameter", "status"),
        ("satus=FAILED", "request.parameter", "satus is no parameter"),
        ("limit=0", "request.parameter", "limit"),
        ("limit=501", "request.parameter", "limit"),
        ("label=team", "request.parameter", "label"),
        ("created_after=yesterday", "request.parameter", "2026-11-27T10:00:00Z"),
        ("created_after=2026-11-27T10:00:00", "request.parameter", "created_after"),
        ("created_before=inf", "request.parameter", "created_before"),
        ("retried=maybe", "request.parameter", "retried"),
        ("cursor=nonsense", "list.cursor", "cursor"),
    ],
)
async def test_a_wrong_parameter_is_refused_with_its_name(
    client: httpx.AsyncClient, query: str, code: str, named: str
) -> None:
    answer = await client.get(f"/workflows?{query}")

    assert answer.status_code == 422
    assert problems(answer) == [(code, "")]
    assert named in answer.json()["detail"]


async def test_what_is_not_there_answers_404(client: httpx.AsyncClient) -> None:
    execution_id = await submitted(client, chain("work"))
    answers = await asyncio.gather(
        client.post(f"/workflows/{UNKNOWN}/cancel"),
        client.post(f"/workflows/{UNKNOWN}/retry"),
        client.delete(f"/workflows/{UNKNOWN}"),
        client.get(f"/workflows/{UNKNOWN}/nodes/n0"),
        client.get(f"/workflows/{UNKNOWN}/events"),
        client.get(f"/workflows/{execution_id}/nodes/m0"),
        client.get("/handlers/wrok"),
    )

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    codes = [problems(answer)[0][0] for answer in answers]
    assert codes == ["execution.not_found"] * 5 + ["node.not_found", "handler.not_found"]
    assert answers[6].json()["problems"][0]["hint"] == 'did you mean "work"?'


async def test_a_node_tells_its_attempts_config_and_log(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    workflow = chain("work", "fragile")
    workflow["dag"]["nodes"][1]["config"] = {"value": "{{ n0.output.value }}!"}
    workflow["dag"]["nodes"][0]["config"] = {"value": "hi"}
    execution_id = await start(client, workflow)
    await ended(client, execution_id)

    first = (await client.get(f"/workflows/{execution_id}/nodes/n0")).json()
    second = (await client.get(f"/workflows/{execution_id}/nodes/n1")).json()

    assert (first["state"], first["output"]) == ("COMPLETED", {"value": "hi"})
    assert "working on n0" in str(first["log"])
    assert (second["handler"], second["dependencies"]) == ("fragile", ["n0"])
    assert second["config"] == {"value": "hi!"}
    assert second["error"]["type"] == "Broken"
    [attempt] = second["attempts"]
    assert (attempt["outcome"], attempt["error"]["type"]) == ("FAILED", "Broken")


async def test_without_outputs_the_nodes_have_only_their_states(
    client: httpx.AsyncClient, doing: Doing
) -> None:
    execution_id = await failed(client, "work", "fragile")

    view = (await client.get(f"/workflows/{execution_id}?outputs=false")).json()

    assert view["nodes"]["n0"] == {"state": "COMPLETED"}
    assert list(view["nodes"]["n1"]) == ["state", "error"]


async def test_what_is_no_filter_is_told_in_the_words_of_json(client: httpx.AsyncClient) -> None:
    refused = await client.post("/workflows/retry", json=[])
    assert problems(refused) == [("request.body", "")]
    assert "should be an object" in refused.json()["detail"]
    refused = await client.get("/workflows?label=team")
    assert problems(refused) == [("request.parameter", "")]
    assert refused.json()["detail"] == "label.0: should be of the form key:value"
