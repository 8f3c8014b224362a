"""What is beside the four endpoints: docs, the API's description, health, the shape of answers."""

import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from pydantic import BaseModel

from tests.server.serving import Json, ended, problems, serving, submitted
from wfcore import Engine, NodeContext, StoreError, handler
from wfcore.store.contract import ExecutionRecord, NewExecution, Reply
from wfcore.store.memory import MemoryStore
from wfserver import examples
from wfserver.schemas import ExecutionResults, ExecutionStatus, ExecutionView, ProblemDetails


class DepartingStore(MemoryStore):
    """A store that can be away, as one behind a network can."""

    away = False

    async def read(self, execution: str) -> ExecutionRecord | None:
        self._answer()
        return await super().read(execution)

    async def create(self, new: NewExecution) -> int:
        self._answer()
        return await super().create(new)

    async def apply(self, moves: Any) -> list[Reply]:
        self._answer()
        return await super().apply(moves)

    def _answer(self) -> None:
        if self.away:
            raise StoreError("no answer from 10.0.0.7:6379")


@handler
async def warn(text: str, context: NodeContext) -> str:
    context.notice(text)
    return text


def warning(text: str) -> Json:
    return {
        "name": "warning",
        "dag": {"nodes": [{"id": "w", "handler": "warn", "config": {"text": text}}]},
    }


async def test_the_root_leads_to_the_docs_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/", follow_redirects=True)

    assert response.status_code == 200
    assert response.url.path == "/docs"
    assert "swagger-ui" in response.text


async def test_the_docs_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(wanted) == 3
    for each in wanted:
        assert "//" not in each
        assert (await client.get(f"/{each}")).status_code == 200


async def test_the_description_names_the_four_endpoints_with_the_seeds_examples(
    client: httpx.AsyncClient,
) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    submit, trigger = paths["/workflow"]["post"], paths["/workflow/trigger/{execution_id}"]["post"]
    status = paths["/workflows/{execution_id}"]["get"]
    results = paths["/workflows/{execution_id}/results"]["get"]
    assert example(submit["requestBody"]) == examples.WORKFLOW
    assert example(trigger["requestBody"]) == examples.OVERRIDES
    assert not trigger["requestBody"]["required"]
    assert example(submit["responses"]["200"]) == examples.SUBMITTED
    assert example(trigger["responses"]["200"]) == examples.STARTED
    assert example(status["responses"]["200"]) == examples.EXECUTION
    assert example(results["responses"]["200"]) == examples.RESULTS


async def test_every_reference_in_the_description_leads_somewhere_and_every_example_fits(
    client: httpx.AsyncClient,
) -> None:
    described = (await client.get("/openapi.json")).json()
    bodies = list(described_bodies(described["paths"]))

    assert len(bodies) > 10
    for reference in references(described):
        assert reference.removeprefix("#/components/schemas/") in described["components"]["schemas"]
    for body in bodies:
        schema = {**body["schema"], "components": described["components"]}
        if "example" in body:
            jsonschema_rs.Draft202012Validator(schema).validate(body["example"])


async def test_every_operation_is_described_whole(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]
    operations = [each for methods in described.values() for each in methods.values()]

    # Clients are generated from these names: they do not change.
    assert [each["operationId"] for each in operations] == [
        *("submit", "validate", "trigger", "status", "delete", "results", "list", "retry_many"),
        *("retry", "cancel", "node", "events"),
        *("handlers", "handler", "plugins", "schema", "livez", "readyz"),
    ]
    for each in operations:
        assert each["summary"]
        assert each["description"]
        for parameter in each.get("parameters", ()):
            assert parameter["description"], (each["operationId"], parameter["name"])
        for status, answer in each["responses"].items():
            body = answer.get("content", {}).get("application/json")
            assert body is None or body["example"], (each["operationId"], status)
        assert "default" in each["responses"]


async def test_real_answers_fit_their_models(client: httpx.AsyncClient, seed: Json) -> None:
    broken = {"get_posts": {"url": "http://127.0.0.1:1/posts"}}

    for overrides in ({}, broken):
        execution_id = await submitted(client, seed)
        start = await client.post(f"/workflow/trigger/{execution_id}", json=overrides)
        await ended(client, execution_id)
        view = await client.get(f"/workflows/{execution_id}")
        results = await client.get(f"/workflows/{execution_id}/results")
        answers: list[tuple[type[BaseModel], httpx.Response]] = [
            (ExecutionStatus, start),
            (ExecutionView, view),
            (ExecutionResults, results),
            (ProblemDetails, await client.post("/workflow", content=b"{")),
        ]
        for model, answer in answers:
            model.model_validate_json(answer.content)


async def test_health_says_alive_and_ready(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/livez"), await client.get("/readyz")

    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    body = ready.json()
    assert (ready.status_code, body["status"]) == (200, "ready")
    assert body["store"] == {"answers": True, "durability": "memory"}
    assert body["bus"] == {"healthy": True}
    assert "builtin" in [plugin["name"] for plugin in body["plugins"]["loaded"]]
    assert body["plugins"]["broken"] == []


async def test_a_broken_plugin_is_listed_and_the_server_stays_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "wf_torn-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wf-torn\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[wfcore.plugins]\ntorn = wf_torn\n")
    (tmp_path / "wf_torn.py").write_text("raise RuntimeError('torn')\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    async with Engine() as engine, serving(engine) as client:
        ready = await client.get("/readyz")

    assert ready.status_code == 200
    [broken] = ready.json()["plugins"]["broken"]
    assert (broken["name"], broken["distribution"], broken["version"]) == ("torn", "wf-torn", "1.2")
    assert "torn" in broken["error"]
    assert "Traceback" not in ready.text


async def test_while_the_store_is_away_the_answers_are_503_and_name_no_host(seed: Json) -> None:
    store = DepartingStore()
    async with Engine(store, drain_seconds=0.1) as engine, serving(engine) as client:
        execution_id = await submitted(client, seed)
        store.away = True
        ready = await client.get("/readyz")
        answer = await client.get(f"/workflows/{execution_id}")
        store.away = False
        again = await client.get(f"/workflows/{execution_id}")

    assert ready.status_code == 503
    assert ready.json()["store"]["answers"] is False
    assert answer.status_code == 503
    assert problems(answer) == [("store.unavailable", "")]
    assert int(answer.headers["retry-after"]) >= 1
    assert "10.0.0.7" not in answer.text
    assert again.status_code == 200


async def test_an_execution_whose_plugin_is_missing_here_can_still_be_read(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    async with Engine(store, handlers=[warn]) as engine, serving(engine) as client:
        execution_id = await submitted(client, warning("x"))

    async with Engine(store) as engine, serving(engine) as client:
        answer = await client.get(f"/workflows/{execution_id}")
        trigger = await client.post(f"/workflow/trigger/{execution_id}")

    assert answer.status_code == 200
    assert answer.json()["nodes"] == {"w": {"state": "PENDING", "output": {}}}
    assert trigger.status_code == 422
    assert problems(trigger) == [("handler.unknown", "/dag/nodes/0/handler")]


@pytest.mark.parametrize(
    ("notice", "header"),
    [
        ("plain", "plain"),
        ("Grüße 🎉", "Gr\\xfc\\xdfe \\U0001f389"),
        ("two\r\nX-Injected: lines\x00", "two X-Injected: lines"),
    ],
)
async def test_notices_stand_in_a_header_whatever_they_hold(notice: str, header: str) -> None:
    async with Engine(handlers=[warn]) as engine, serving(engine) as client:
        execution_id = await submitted(client, warning(notice))
        await client.post(f"/workflow/trigger/{execution_id}")
        await ended(client, execution_id)
        response = await client.get(f"/workflows/{execution_id}/results")

    assert response.headers["wf-notice"] == header
    assert "x-injected" not in response.headers


async def test_a_defect_answers_500_in_the_one_shape_without_a_traceback(seed: Json) -> None:
    class DefectiveStore(MemoryStore):
        async def read(self, execution: str) -> ExecutionRecord | None:
            raise ZeroDivisionError("a defect, with a secret in its message")

    async with Engine(DefectiveStore()) as engine, serving(engine) as client:
        response = await client.get("/workflows/x")

    assert response.status_code == 500
    assert problems(response) == [("server.defect", "")]
    assert "secret" not in response.text


def example(described: Json) -> Any:
    return described["content"]["application/json"]["example"]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(references, value.values()))
    if isinstance(value, list):
        return set().union(*map(references, value))
    return set()


def described_bodies(value: Any) -> list[Json]:
    if isinstance(value, dict):
        own = list(value["content"].values()) if "content" in value else []
        return own + [body for each in value.values() for body in described_bodies(each)]
    return []
