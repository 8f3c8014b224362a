"""Triggering: twice starts once, another body is a conflict, an input may come with it."""

import asyncio

import httpx

from tests.server.posts import Posts
from tests.server.serving import Json, ended, problems, submitted

OVERRIDE = {"summarize_posts": {"prompt": "Other: {{ get_posts.output.data }}"}}


async def test_the_same_trigger_again_answers_the_current_status(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    execution_id = await submitted(client, seed)
    first = await client.post(f"/workflow/trigger/{execution_id}", json=OVERRIDE)
    await ended(client, execution_id)

    again = await client.post(f"/workflow/trigger/{execution_id}", json=OVERRIDE)

    assert (first.status_code, first.json()["status"]) == (200, "RUNNING")
    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")
    assert posts.ledger.paths == ["/posts"]


async def test_no_body_null_and_an_empty_object_are_the_same_body(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    execution_id = await submitted(client, seed)
    path = f"/workflow/trigger/{execution_id}"

    answers = [
        await client.post(path),
        await client.post(path, content=b"null"),
        await client.post(path, json={}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    await ended(client, execution_id)
    assert posts.ledger.paths == ["/posts"]


async def test_another_body_is_a_conflict_and_changes_nothing(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    execution_id = await submitted(client, seed)
    path = f"/workflow/trigger/{execution_id}"
    await client.post(path)

    early = await client.post(path, json=OVERRIDE)
    body = await ended(client, execution_id)
    late = await client.post(path, json=OVERRIDE)

    assert (early.status_code, late.status_code) == (409, 409)
    assert problems(early) == [("trigger.conflict", "")]
    assert "Summarize the following" in str(body["results"])
    assert posts.ledger.paths == ["/posts"]


async def test_many_triggers_at_once_start_once(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    execution_id = await submitted(client, seed)
    path = f"/workflow/trigger/{execution_id}"

    answers = await asyncio.gather(*(client.post(path, json=OVERRIDE) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    await ended(client, execution_id)
    assert posts.ledger.paths == ["/posts"]


async def test_of_different_triggers_at_once_one_wins(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    execution_id = await submitted(client, seed)
    path = f"/workflow/trigger/{execution_id}"
    bodies = [{"summarize_posts": {"prompt": f"Number {number}"}} for number in range(10)]

    answers = await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200, *[409] * 9]
    results = (await ended(client, execution_id))["results"]["aggregated_results"]
    winner = f"LLM generated a summary for the prompt 'Number {codes.index(200)}'"
    assert results == {"summarize_posts": {"result": winner}}
    assert posts.ledger.paths == ["/posts"]


async def test_the_input_comes_with_the_document_or_with_the_trigger(
    client: httpx.AsyncClient,
) -> None:
    greeting = {
        "name": "greeting",
        "input_schema": {"type": "object", "required": ["who"]},
        "dag": {
            "nodes": [
                {
                    "id": "result",
                    "handler": "output",
                    "config": {"value": "{{ execution.input.who }}"},
                }
            ]
        },
    }
    early = await submitted(client, {**greeting, "input": {"who": "Ada"}})
    late = await submitted(client, greeting)

    without = await client.post(f"/workflow/trigger/{late}")
    await client.post(f"/workflow/trigger/{early}")
    await client.post(f"/workflow/trigger/{late}", json={"execution": {"input": {"who": "Bob"}}})

    assert without.status_code == 422
    assert [place for _, place in problems(without)] == ["/execution/input"]
    outcomes = [(await ended(client, each))["results"] for each in (early, late)]
    assert [each["aggregated_results"] for each in outcomes] == [
        {"result": "Ada"},
        {"result": "Bob"},
    ]
