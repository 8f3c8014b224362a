"""What docs/api.md shows is what the server takes and answers."""

import json
import re
from typing import Any

import httpx

from tests.project.tree import ROOT
from tests.server.serving import Json, ended, submitted
from wfserver import examples

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def blocks() -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]


async def test_the_documented_bodies_are_real_ones(client: httpx.AsyncClient) -> None:
    workflow, overrides, results, refusal = blocks()

    async def ran(body: Json | None) -> Json:
        execution_id = await submitted(client, workflow)
        await client.post(f"/workflow/trigger/{execution_id}", json=body)
        return {**await ended(client, execution_id), "execution_id": results["execution_id"]}

    assert await ran(None) == results
    summary = "LLM generated a summary for the prompt 'Greet Bob in French'"
    aggregated = (await ran(overrides))["results"]["aggregated_results"]
    assert aggregated == {"ask": {"result": summary}}
    assert refusal == examples.REFUSAL


async def test_every_documented_path_is_described(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]

    documented = set(re.findall(r"^\| `(GET|POST) (\S+)`", TEXT, re.MULTILINE))

    assert documented == {
        (method.upper(), path) for path, methods in described.items() for method in methods
    }
