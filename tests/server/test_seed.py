"""The seed's example through a real server: its four bodies, to the letter and in its order."""

import asyncio
import json
import uuid

import httpx

from tests.server.posts import TEXT, Posts
from tests.server.serving import DEADLINE, Json, ended, submitted
from wfserver import examples

ECHO = "[echo provider: no model was called]"


def text(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


async def test_the_four_bodies_are_the_seeds(
    client: httpx.AsyncClient, seed: Json, posts: Posts
) -> None:
    seed["dag"]["nodes"][0]["config"]["url"] = posts.url("/held")

    submission = await client.post("/workflow", json=seed)
    execution_id = submission.json()["execution_id"]

    assert submission.status_code == 200
    assert str(uuid.UUID(execution_id)) == execution_id
    assert submission.text == text({"execution_id": execution_id, "status": "PENDING"})

    start = await client.post(f"/workflow/trigger/{execution_id}")

    assert start.status_code == 200
    assert start.text == text({"execution_id": execution_id, "status": "RUNNING"})

    async with asyncio.timeout(DEADLINE):
        while not posts.ledger.paths:
            await asyncio.sleep(0.01)
    status = await client.get(f"/workflows/{execution_id}")

    assert status.status_code == 200
    assert status.text == text(
        {
            "execution_id": execution_id,
            "status": "RUNNING",
            "nodes": {
                "get_posts": {"state": "RUNNING", "output": {}},
                "summarize_posts": {"state": "PENDING", "output": {}},
                "output": {"state": "PENDING", "output": {}},
            },
        }
    )

    posts.release.set()
    await ended(client, execution_id)
    results = await client.get(f"/workflows/{execution_id}/results")

    assert results.status_code == 200
    assert results.text == text({**examples.RESULTS, "execution_id": execution_id})
    assert results.headers["wf-notice"] == ECHO
    assert {each.headers["content-type"] for each in (submission, start, status, results)} == {
        "application/json"
    }


async def test_a_completed_execution_shows_every_nodes_output(
    client: httpx.AsyncClient, seed: Json
) -> None:
    execution_id = await submitted(client, seed)
    await client.post(f"/workflow/trigger/{execution_id}")
    await ended(client, execution_id)

    body = (await client.get(f"/workflows/{execution_id}")).json()

    beside = body["nodes"]["get_posts"]["output"]
    assert beside.pop("status") == 200
    assert beside.pop("headers")["content-type"].startswith("text/plain")
    assert beside.pop("elapsed") > 0
    summary = {
        "result": f"LLM generated a summary for the prompt 'Summarize the following posts: {TEXT}'"
    }
    assert text(body) == text(
        {
            "execution_id": execution_id,
            "status": "COMPLETED",
            "nodes": {
                "get_posts": {"state": "COMPLETED", "output": {"data": TEXT}},
                "summarize_posts": {"state": "COMPLETED", "output": summary},
                "output": {"state": "COMPLETED", "output": {"summarize_posts": summary}},
            },
        }
    )


async def test_before_the_end_there_are_no_results(client: httpx.AsyncClient, seed: Json) -> None:
    execution_id = await submitted(client, seed)

    response = await client.get(f"/workflows/{execution_id}/results")

    assert response.status_code == 200
    assert "wf-notice" not in response.headers
    body = response.json()
    assert list(body) == ["execution_id", "status", "completed", "results", "message"]
    assert body["status"] == "PENDING"
    assert body["completed"] is False
    assert body["results"] == {"final_status": "workflow_pending", "aggregated_results": {}}


async def test_the_seeds_override_replaces_the_prompt_and_is_a_template(
    client: httpx.AsyncClient, seed: Json
) -> None:
    execution_id = await submitted(client, seed)

    start = await client.post(f"/workflow/trigger/{execution_id}", json=examples.OVERRIDES)

    assert start.json() == {"execution_id": execution_id, "status": "RUNNING"}
    results = (await ended(client, execution_id))["results"]["aggregated_results"]
    prompt = f"Recent Posts: {TEXT}. Task: Summarize this user activity"
    assert results == {
        "summarize_posts": {"result": f"LLM generated a summary for the prompt '{prompt}'"}
    }


async def test_a_failed_execution_names_its_first_error(
    client: httpx.AsyncClient, seed: Json
) -> None:
    seed["dag"]["nodes"][0]["config"]["url"] = "http://127.0.0.1:1/posts"
    execution_id = await submitted(client, seed)
    await client.post(f"/workflow/trigger/{execution_id}")

    body = await ended(client, execution_id)

    assert body["status"] == "FAILED"
    assert body["completed"] is False
    assert body["results"] == {"final_status": "workflow_failed", "aggregated_results": {}}
    assert list(body["errors"]) == ["get_posts"]
    assert "get_posts" in body["message"]
    nodes = (await client.get(f"/workflows/{execution_id}")).json()["nodes"]
    assert nodes["get_posts"] == {
        "state": "FAILED",
        "output": {},
        "error": body["errors"]["get_posts"],
    }
    assert nodes["summarize_posts"]["state"] == "SKIPPED"


async def test_the_seed_runs_by_the_examples_of_the_api_description(
    client: httpx.AsyncClient, posts: Posts
) -> None:
    override = {"get_posts": {"url": posts.url("/posts")}}
    execution_id = await submitted(client, examples.WORKFLOW)
    await client.post(f"/workflow/trigger/{execution_id}", json=override)

    body = await ended(client, execution_id)

    assert body == {**examples.RESULTS, "execution_id": execution_id}
