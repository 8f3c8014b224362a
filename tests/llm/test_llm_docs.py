"""docs/llm.md says what the code does."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

import wfplugins_builtin.llm
from tests.llm.conftest import Asker
from tests.llm.endpoint import Act, Endpoint
from wfplugins_builtin.llm.config import LlmConfig

DOCS = Path(__file__).parents[2] / "docs" / "llm.md"
TEXT = DOCS.read_text()
JSON = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def _rows(heading: str) -> list[str]:
    """Return the names in the first column of the first table under a heading."""
    section = TEXT.partition(f"## {heading}\n")[2]
    table = section[section.index("\n| --- ") :].split("\n\n")[0]
    return re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)))


def test_every_config_key_is_explained() -> None:
    assert _rows("Config") == list(LlmConfig.model_fields)


def test_every_error_is_explained() -> None:
    sources = Path(wfplugins_builtin.llm.__file__).parent.glob("*.py")
    code = "".join(source.read_text() for source in sources)
    raised = set(re.findall(r'NodeError\(\s*"(\w+)"', code))
    raised |= set(re.findall(r'\(raised\.\w+, "(\w+)"', code))
    raised |= set(re.findall(r'return "([A-Z]\w+)", ', code))
    assert set(_rows("Errors")) == raised


async def test_the_example_is_a_workflow_and_its_output_has_that_shape(
    asker: Asker, endpoint: Endpoint
) -> None:
    document, output = (json.loads(block) for block in JSON)
    assert await asker.engine.check(document) == []
    document["dag"]["nodes"][1]["config"]["model"] = "openai:gpt-5-mini"
    result = await asker.engine.run(document, {"text": "Ada"})
    assert result.results["summarize"].keys() == output.keys()


async def test_the_code_follows_a_stream(
    asker: Asker, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON[0], names)  # the block of the docs
    endpoint.queue(Act("In pieces."))
    execution = await asker.submitted(stream=True)
    following = asyncio.create_task(names["follow"](asker.engine, execution))
    await asyncio.sleep(0)
    await asker.engine.trigger(execution)
    await asyncio.wait_for(following, 20)
    assert capsys.readouterr().out == "In pieces."
