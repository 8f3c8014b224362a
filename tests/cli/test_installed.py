"""`wf handlers`, `wf plugins`, `wf schema`: what is installed, as people and programs read it."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from tests.cli.command import EXAMPLES, Folder
from tests.project.tree import ROOT
from wfcore import Engine
from wfcore.engine.schema import workflow_schema
from wfcore.plugins.catalog import handler_view, plugin_view

BUILT_IN = [
    "call_external_service",
    "call_llm_service",
    "fail",
    "input",
    "log",
    "output",
    "publish_kafka",
    "transform",
    "wait",
]
SHOUT = str(EXAMPLES / "shout.py")


def test_handlers_are_listed_a_line_each_in_a_pipe(folder: Folder) -> None:
    done = folder.wf("handlers", "--plugin", SHOUT)
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [row[0] for row in rows] == sorted([*BUILT_IN, "shout"])
    assert {row[0]: row[2] for row in rows}["shout"] == "Say a text loudly."


def test_handlers_as_json_are_what_the_api_gives(folder: Folder) -> None:
    told = folder.wf("handlers", "--output", "json").json()
    registry = Engine().registry
    assert told == {"handlers": [handler_view(registry.handlers[n], registry) for n in BUILT_IN]}
    shown = folder.wf("handlers", "show", "output", "--output", "json").json()
    assert shown == told["handlers"][BUILT_IN.index("output")]


def test_one_handler_tells_what_it_takes(folder: Folder) -> None:
    done = folder.wf("handlers", "show", "shout", "--plugin", SHOUT)
    assert done.code == 0
    assert "Say a text loudly." in done.out
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("  ")}
    assert "string" in lines["text"]
    assert "required" in lines["text"]
    assert "integer" in lines["marks"]
    assert "= 1" in lines["marks"]


def test_one_handler_tells_all_that_it_says_of_itself(folder: Folder) -> None:
    done = folder.wf("handlers", "show", "call_external_service", COLUMNS="200")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    said = "\n".join(lines)
    assert "Its nodes wait in the queue `default`." in lines
    assert "timeout number (above 0, at most 3600) = 30.0 Seconds for the whole" in said
    assert "May name secrets." in said
    assert lines.index("config") < lines.index("Bearer") < lines.index("output")
    assert "status integer The HTTP status." in lines
    assert '"handler": "call_external_service",' in lines
    assert "TooManyRedirects more than five" in lines[lines.index("errors") :]
    raw = folder.wf("handlers", "show", "call_llm_service", COLUMNS="200").out
    assert "Not rendered: template marks in it stay text." in " ".join(raw.split())


def test_a_page_in_markdown_is_that_of_the_documentation(folder: Folder) -> None:
    for name in BUILT_IN:
        page = (ROOT / "docs" / "handlers" / f"{name}.md").read_text(encoding="utf-8")
        told = folder.wf("handlers", "show", name, "--output", "markdown")
        assert told.out == page.partition("\n\n")[2]
    index = folder.wf("handlers", "--output", "markdown", "--plugin", SHOUT).out
    assert "| [`shout`](shout.md) | Say a text loudly. |\n" in index
    assert folder.wf("handlers", "show", "outptu", "--output", "markdown").out == ""


def test_an_unknown_handler_is_not_found_with_the_nearest(folder: Folder) -> None:
    done = folder.wf("handlers", "show", "outptu", "--output", "json")
    assert done.code == 4
    [problem] = done.json()["problems"]
    assert (problem["code"], problem["hint"]) == ("handler.not_found", 'did you mean "output"?')


@pytest.mark.parametrize("words", [["show"], ["list", "output"], ["delete"]])
def test_what_makes_no_sense_is_usage(folder: Folder, words: list[str]) -> None:
    assert folder.wf("handlers", *words).code == 2


def test_plugins_with_what_they_brought(folder: Folder) -> None:
    told = folder.wf("plugins", "--output", "json").json()["plugins"]
    [report] = Engine().registry.reports
    [mine] = told
    assert mine.pop("seconds") > 0
    assert mine == {k: v for k, v in plain(plugin_view(report)).items() if k != "seconds"}
    text = folder.wf("plugins", "--plugin", SHOUT)
    assert text.code == 0
    assert "builtin  wfcore" in text.out
    assert "shout" in text.out


def plain(value: object) -> dict[str, object]:
    read: dict[str, object] = json.loads(json.dumps(value))
    return read


def test_a_broken_plugin_is_named_and_the_others_are_there(folder: Folder) -> None:
    site = folder.path / "site"
    info = site / "broken-1.2.dist-info"
    info.mkdir(parents=True)
    (site / "broken_plugin.py").write_text("print('noise')\nraise RuntimeError('as asked')\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[wfcore.plugins]\nbroken = broken_plugin\n")
    done = folder.wf("plugins", PYTHONPATH=str(site))
    assert done.code == 1
    assert "broken  broken 1.2  broken" in done.out
    assert "as asked" in done.out
    assert "printed while it was loaded: noise" in done.out
    assert "builtin" in done.out
    whole = folder.wf("plugins", "--traceback", PYTHONPATH=str(site))
    assert "Traceback" in whole.out
    told = folder.wf("plugins", "--output", "json", PYTHONPATH=str(site))
    assert {each["name"]: each["status"] for each in told.json()["plugins"]} == {
        "broken": "broken",
        "builtin": "loaded",
    }


def test_the_schema_is_that_of_what_is_installed(folder: Folder) -> None:
    assert folder.wf("schema").json() == plain(workflow_schema(Engine().registry))
    mine = folder.wf("schema", "--plugin", SHOUT, "--input").json()
    document = json.loads((EXAMPLES / "shout.json").read_text())
    validator = jsonschema_rs.validator_for(mine)
    assert validator.is_valid(document | {"input": {}})
    document["dag"]["nodes"][0]["config"]["nonsense"] = 1
    assert not validator.is_valid(document)


@pytest.mark.parametrize("command", ["handlers", "plugins", "schema"])
def test_a_plugin_file_that_is_not_there_is_told(
    folder: Folder, command: str, tmp_path: Path
) -> None:
    done = folder.wf(command, "--plugin", str(tmp_path / "none.py"))
    assert done.code == 2
    assert "none.py" in done.err
    assert done.out == ""


def site(folder: Folder, **plugins: str) -> str:
    """Install a distribution for each name, and return the path that has them."""
    place = folder.path / "site"
    for name, source in plugins.items():
        info = place / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (place / f"{name}_module.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[wfcore.plugins]\n{name} = {name}_module\n")
    return str(place)


HANDLER = (
    "from wfcore import handler, hookimpl\n@handler\ndef same(): ...\n"
    "@hookimpl\ndef wfcore_register_handlers(): return [same]\n"
)


def test_plugins_that_clash_are_listed_all_the_same(folder: Folder) -> None:
    path = site(folder, first=HANDLER, second=HANDLER, third="1 / 0")
    assert folder.wf("handlers", PYTHONPATH=path).code == 2
    for strict in ("false", "true"):
        done = folder.wf("plugins", PYTHONPATH=path, APP_PLUGINS_STRICT=strict)
        assert done.code == 1
        for name in ("builtin", "first", "second", "third"):
            assert f"{name}  " in done.out
        assert "handler 'same' is registered twice" in done.err
        assert "APP_PLUGINS_BLOCK=first" in done.err
    told = folder.wf("plugins", "--output", "json", PYTHONPATH=path).json()
    assert len(told["plugins"]) == 4
    assert len(told["clashes"]) == 1
    blocked = folder.wf("plugins", PYTHONPATH=path, APP_PLUGINS_BLOCK="first,third")
    assert (blocked.code, blocked.err) == (0, "")


def test_handlers_of_a_broken_plugin_are_said_to_be_installed(folder: Folder) -> None:
    path = site(folder, words=HANDLER + "1 / 0\n")
    done = folder.wf("handlers", PYTHONPATH=path)
    assert done.code == 0
    assert "words" not in done.out
    assert "distribution words 1.2 (entry point 'words') is broken" in done.err
    shown = folder.wf("handlers", "show", "same", PYTHONPATH=path)
    assert shown.code == 4
    assert "the handler 'same' is installed but broken: ZeroDivisionError" in shown.err
    blocked = folder.wf("handlers", "show", "same", PYTHONPATH=path, APP_PLUGINS_BLOCK="words")
    assert "installed but blocked: APP_PLUGINS_BLOCK names it" in blocked.err
