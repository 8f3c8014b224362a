"""`docs/http.md` is true: every field, output, error and message in it is the code's."""

import re
from pathlib import Path

import pytest

from tests.builtin.service import Service
from wfcore import NodeError
from wfcore.outbound.allow import AllowList
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.redirect import _HARMLESS
from wfplugins_builtin.http import CallExternalService

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "http.md").read_text()


def rows(heading: str) -> set[str]:
    section = DOCS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_field_and_output_is_described() -> None:
    assert rows("Config") == set(CallExternalService.Config.model_fields)
    assert rows("Output") == set(CallExternalService.Output.model_fields)


def test_every_error_is_described() -> None:
    sources = [*(ROOT / "wfcore" / "outbound").glob("*.py"), ROOT / "wfplugins_builtin" / "http.py"]
    raised = {
        name
        for source in sources
        for name in re.findall(r'NodeError\(\s*"(\w+)"', source.read_text())
    }
    assert len(raised) > 8
    assert rows("Errors") == raised


def test_the_headers_that_follow_a_redirect_are_named() -> None:
    section = DOCS.split("\n## Redirects\n")[1].split("\n## ")[0]
    named = {name.lower() for name in re.findall(r"`([A-Z][\w*-]+)`", section)}
    for header in _HARMLESS:
        assert header in named or re.sub("^content-.*", "content-*", header) in named


async def test_the_refusal_is_the_one_that_is_said() -> None:
    block = DOCS.split("```text\n")[1].split("\n```")[0].replace("\n", " ")
    with Service() as service:
        client = OutboundClient()
        with pytest.raises(NodeError) as caught:
            await client.request("GET", service.url("/"))
        await client.close()
    assert caught.value.message.replace(str(service.port), "8123") == block


def test_the_entries_in_the_docs_can_be_read() -> None:
    section = DOCS.split("| entry | opens |")[1]
    entries = {
        entry
        for line in section.splitlines()
        if line.startswith("| `")
        for entry in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    assert len(entries) == 7
    AllowList.read(entries)
