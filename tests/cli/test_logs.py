"""Log lines: on standard error, with their place, in the format that was asked for."""

import json
import urllib.request
from typing import Any

import pytest

from tests.cli.command import Folder, node, workflow

_SPEAKING = """
import logging
from typing import Annotated
from wfcore import NodeContext, NodeError, Secret, handler, hookimpl

@handler
async def speak(context: NodeContext, text: str, code: Annotated[str, Secret]) -> str:
    context.logger.warning(text)
    try:
        raise ValueError("inner " + code)
    except ValueError:
        context.logger.exception("caught")
    return "said"

@handler
async def fall(code: Annotated[str, Secret]) -> str:
    raise NodeError("Broken", "it broke with " + code)

@hookimpl
def wfcore_register_handlers():
    return [speak, fall]
"""
_KEY = "{{ secrets.KEY }}"
_FORGED = "one\n2026-01-01T00:00:00Z [info] forged \x1b[31mred\x9b2J"


@pytest.fixture
def speaking(folder: Folder) -> Folder:
    (folder.path / "speaking.py").write_text(_SPEAKING, encoding="utf-8")
    return folder


def test_json_lines_carry_execution_and_node_and_no_secret(speaking: Folder) -> None:
    lines = _json_lines(speaking, node("say", "speak", code=_KEY, text=_FORGED))

    said, caught = [line for line in lines if line["logger"] == "wfcore.node.say"]
    assert (said["level"], said["event"], said["node"]) == ("warning", _FORGED, "say")
    assert said["execution"] == speaking.notes()[0]["execution"]
    assert said["timestamp"].endswith("Z")
    assert "ValueError: inner ***" in caught["exception"]


def test_plain_lines_cannot_be_forged(speaking: Folder) -> None:
    flow = speaking.write(workflow(node("say", "speak", code=_KEY, text=_FORGED)))

    done = speaking.wf("run", flow, "--plugin", "speaking.py", APP_SECRET_KEY="s3cret-value")

    first, second = [line for line in done.err.splitlines() if "one" in line or "forged" in line]
    assert "[warning  ] one" in first
    assert second.startswith("    2026-01-01T00:00:00Z [info] forged \\x1b[31mred\\x9b2J ")
    assert "node=say" in second
    assert "s3cret-value" not in done.err
    assert "ValueError" in done.err


def test_a_failed_node_is_logged_where_nothing_else_tells_of_it(speaking: Folder) -> None:
    fails = node("bad", "fall", code=_KEY, retry={"max_attempts": 1})
    flow = workflow(fails)
    settings = {"APP_SECRET_KEY": "s3cret-value", "APP_LOG_FORMAT": "json"}
    arguments = ("dev", "--port", "0", "--plugin", "speaking.py")
    with speaking.started(*arguments, **settings) as process:
        assert process.stderr is not None
        said = ""
        while "http://" not in said:
            said = process.stderr.readline()
            assert said
        url = next(word for word in said.split() if word.startswith("http://"))
        execution = _post(f"{url}/workflow", flow)["execution_id"]
        _post(f"{url}/workflow/trigger/{execution}", None)
        line = ""
        while "node failed" not in line:
            line = process.stderr.readline()
            assert line
        process.terminate()
        process.communicate(timeout=30)

    entry = json.loads(line)
    assert (entry["level"], entry["execution"], entry["node"]) == ("warning", execution, "bad")
    assert (entry["error"], entry["event"]) == ("Broken", "node failed: it broke with ***")


def test_wf_run_tells_of_a_failed_node_only_in_its_own_way(speaking: Folder) -> None:
    flow = speaking.write(workflow(node("bad", "fall", code=_KEY, retry={"max_attempts": 1})))

    done = speaking.wf("run", flow, "--plugin", "speaking.py", APP_SECRET_KEY="s3cret-value")

    assert done.code == 1
    assert "node failed" not in done.err
    assert "bad  Broken: it broke with ***" in done.err


def test_a_level_that_is_asked_for_holds(speaking: Folder) -> None:
    flow = speaking.write(workflow(node("say", "speak", code=_KEY, text="a warning")))
    settings = {"APP_SECRET_KEY": "s3cret-value", "APP_LOG_LEVEL": "error"}

    done = speaking.wf("run", flow, "--plugin", "speaking.py", **settings)

    assert "a warning" not in done.err
    assert "caught" in done.err


@pytest.mark.parametrize(("wanted", "coloured"), [("auto", False), ("pretty", True)])
def test_colours_in_a_pipe_have_to_be_asked_for(
    speaking: Folder, wanted: str, coloured: bool
) -> None:
    flow = speaking.write(workflow(node("say", "speak", code=_KEY, text=_FORGED)))
    settings = {"APP_SECRET_KEY": "s3cret-value", "APP_LOG_FORMAT": wanted}

    done = speaking.wf("run", flow, "--plugin", "speaking.py", **settings)

    (line,) = [line for line in done.err.splitlines() if "forged" in line]
    assert ("\x1b[" in line) is coloured
    assert "\\x1b[31mred" in line


def _json_lines(folder: Folder, *nodes: dict[str, Any]) -> list[dict[str, Any]]:
    flow = folder.write(workflow(*nodes))
    settings = {"APP_SECRET_KEY": "s3cret-value", "APP_LOG_FORMAT": "json"}
    done = folder.wf("run", flow, "--plugin", "speaking.py", **settings)
    assert "s3cret-value" not in done.err
    return [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]


def _post(url: str, body: Any) -> Any:
    data = json.dumps(body).encode() if body is not None else b""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
