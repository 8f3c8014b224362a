"""`docs/handlers.md` has every built-in handler with every config key, and its documents run."""

import json
import re
from typing import Any

import pytest

import wfcore
import wfplugins_builtin
from tests.docs.said import ROOT, all_error_types
from wfcore.engine.proof import Prover
from wfcore.plugins.catalog import handler_view
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.page import example_node
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import parse

PAGE = (ROOT / "docs" / "handlers.md").read_text(encoding="utf-8")
REGISTRY = load_plugins(plugins=[wfplugins_builtin], discover=False)
BLOCKS = re.findall(r"^```json ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DOCUMENTS = [text for mark, text in BLOCKS if mark != "result"]
RUN = [
    (text, json.loads(mark.removeprefix("input=")), json.loads(BLOCKS[at + 1][1]))
    for at, (mark, text) in enumerate(BLOCKS)
    if mark.startswith("input=")
]


def section(name: str) -> str:
    return PAGE.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(REGISTRY.handlers))
def test_a_handler_is_listed_with_every_config_key_and_an_example(name: str) -> None:
    assert f"| [`{name}`](#{name}) |" in PAGE
    rows = re.findall(r"^\| (`[^|]+) \|", section(name), re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert keys == set(REGISTRY.handlers[name].Config.model_fields)
    assert f'"handler": "{name}"' in section(name)


@pytest.mark.parametrize("name", sorted(REGISTRY.handlers))
def test_the_example_of_a_handler_is_sound_in_a_document(name: str) -> None:
    node = example_node(handler_view(REGISTRY.handlers[name], REGISTRY))
    document = json.dumps({"name": "Example", "dag": {"nodes": [node]}})
    prover = Prover(REGISTRY, Templating(), Limits())
    assert prover.prove(parse(document, Limits()), "hash").nodes
    assert f"](handlers/{name}.md)" in section(name)


@pytest.mark.parametrize(
    ("name", "page"), [("call_external_service", "http.md"), ("call_llm_service", "llm.md")]
)
def test_a_handler_declares_the_errors_that_its_page_has(name: str, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = text.partition("\n## Errors\n")[2].partition("\n## ")[0].splitlines()
    firsts = [row.partition(" | ")[0] for row in rows if row.startswith("| `")]
    listed = {kind for first in firsts for kind in re.findall(r"`([A-Z]\w+)`", first)}
    assert set(REGISTRY.handlers[name].errors) == listed
    assert listed <= all_error_types()


@pytest.mark.parametrize("text", DOCUMENTS)
def test_every_document_on_the_page_is_sound(text: str) -> None:
    prover = Prover(REGISTRY, Templating(), Limits())
    assert prover.prove(parse(text, Limits()), "hash").nodes


@pytest.mark.parametrize(("text", "given", "result"), RUN)
def test_a_document_with_a_result_gives_it(text: str, given: Any, result: Any) -> None:
    found = wfcore.run(json.loads(text), input={} if given is None else given)
    assert found.results == result


def test_the_page_has_its_blocks() -> None:
    assert len(RUN) == 6
    assert len(DOCUMENTS) == 9
