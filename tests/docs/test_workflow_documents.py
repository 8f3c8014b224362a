"""The documents of docs/workflow.md run: with a real service in the place of the one they name."""

import json
import re
from typing import Any

import pytest

import wfcore
from tests.builtin.service import POSTS, Service
from tests.docs.said import ROOT
from wfcore.workflow.limits import Limits
from wfcore.workflow.yaml_source import parse_yaml

PAGE = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
DOCUMENTS: dict[str, Any] = {
    each["name"]: each
    for each in map(json.loads, re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
}
[YAML] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
POSTS_TEXT = json.dumps(POSTS, ensure_ascii=False, separators=(",", ":"))


async def run(document: Any, given: Any, url: str) -> wfcore.Result:
    """Run a document to its end, with another address for its requests."""
    nodes = document["dag"]["nodes"]
    moved = {
        node["id"]: {"url": url} for node in nodes if node["handler"] == "call_external_service"
    }
    async with wfcore.Engine(
        settings={"llm_provider": "echo"}, outbound_allow=["127.0.0.0/8"]
    ) as engine:
        execution_id = await engine.submit(document, given)
        await engine.trigger(execution_id, moved)
        return await engine.wait(execution_id, 30)


def echoed(prompt: str) -> dict[str, Any]:
    return {"result": f"LLM generated a summary for the prompt '{prompt}'"}


EXPECTED: dict[str, tuple[Any, dict[str, Any]]] = {
    "Simple LLM Workflow": (
        {},
        {"summarize_posts": echoed(f"Summarize the following posts: {POSTS_TEXT}")},
    ),
    "greet": ({"customer": "Ada"}, {"greeting": echoed("Greet Ada from support.")}),
    "only when asked": ({"summary": False}, {}),
    "a failure as data": ({}, {"report": "all is well"}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_of_the_page_runs_to_its_end(name: str) -> None:
    given, wanted = EXPECTED.get(name, ({}, None))
    with Service() as service:
        result = await run(DOCUMENTS[name], given, service.url("/posts"))
    assert result.status is wfcore.Status.COMPLETED, result.message
    if wanted is not None:
        assert result.results == wanted


async def test_a_summary_comes_when_it_is_asked_for() -> None:
    with Service() as service:
        document = DOCUMENTS["only when asked"]
        result = await run(document, {"summary": True}, service.url("/posts"))
    assert result.status is wfcore.Status.COMPLETED


async def test_the_failure_is_data() -> None:
    with Service() as service:
        document = DOCUMENTS["a failure as data"]
        result = await run(document, {}, service.url("/nowhere"))
    assert result.status is wfcore.Status.COMPLETED
    assert "404" in result.results["report"]


async def test_the_yaml_of_the_page_runs() -> None:
    result = await run(parse_yaml(YAML, Limits()), {"change": "x = x + 1"}, "")
    prompt = "Review this change, line by line:\nx = x + 1\n"
    assert result.results == {"length": len(echoed(prompt)["result"])}


def test_the_page_has_its_documents() -> None:
    assert len(DOCUMENTS) == 6
    assert set(EXPECTED) <= set(DOCUMENTS)
