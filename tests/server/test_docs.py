"""What docs/api.md shows is what the server takes and answers."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.project.tree import ROOT
from tests.server.handlers import Doing, chain
from tests.server.serving import Json, ended, serving, submitted
from wfcore import Engine, RetryDefaults
from wfserver import examples

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


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

    documented = set(re.findall(r"^\| `(GET|POST|DELETE) (\S+)`", TEXT, re.MULTILINE))

    assert documented == {
        (method.upper(), path) for path, methods in described.items() for method in methods
    }


@pytest.mark.parametrize("commands", COMMANDS, ids=range(len(COMMANDS)))
async def test_a_documented_command_runs_as_it_stands(commands: str, tmp_path: Path) -> None:
    workflow = blocks()[0]
    (tmp_path / "greeting.json").write_text(json.dumps(workflow))
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\nmax-time = 20\n")
    doing, retry = Doing(), RetryDefaults(max_retries=0)
    async with Engine(handlers=doing.handlers, retry=retry) as engine, serving(engine) as client:
        wait = "/workflow?trigger=true&wait=20"
        ran = (await client.post(wait, json=workflow)).json()
        failed = (await client.post(wait, json=chain("fragile"))).json()
        assert (ran["status"], failed["status"]) == ("COMPLETED", "FAILED")
        names = {"ID": ran["execution_id"], "FAILED": failed["execution_id"]}
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", commands),
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "CURL_HOME": str(tmp_path),
                "API": str(client.base_url).rstrip("/"),
                **names,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await shell.communicate()

    assert shell.returncode == 0, told.decode()
    assert told or "DELETE" in commands


async def test_every_operation_has_a_command(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]
    written = "".join(COMMANDS)

    for path in described:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/ ]+", re.escape(path))
        assert re.search(rf"\$API{pattern}[?\"]", written), path
