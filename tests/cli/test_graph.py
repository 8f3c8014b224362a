"""`wf graph`: the DAG of a document, for people and for Mermaid."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import EXAMPLES, Folder
from tests.engine.documents import fan, node, workflow

DOCUMENTS = sorted(EXAMPLES.glob("*.json"))


def written(folder: Folder, document: Any) -> str:
    path = folder.path / "workflow.json"
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_example_is_drawn_whole(folder: Folder, path: Path) -> None:
    done = folder.wf("graph", str(path))
    assert (done.code, done.err) == (0, "")
    nodes = json.loads(path.read_text())["dag"]["nodes"]
    assert len(done.out.splitlines()) == 1 + len(nodes)
    for each in nodes:
        line = rf"(^|\s){re.escape(each['id'])}  {each['handler']}"
        assert re.search(line, done.out, re.MULTILINE)


def test_what_decides_whether_a_node_runs_is_told(folder: Folder) -> None:
    document = workflow(
        node("a", on_error="continue"),
        node("b", "noop", "a", when="{{ a.state == 'FAILED' }}"),
        node("c", "noop", "a", "b", join="all_done"),
    )
    out = folder.wf("graph", written(folder, document)).out
    assert "when {{ a.state == 'FAILED' }}" in out
    assert "after a, b  join all_done" in out
    assert "on_error continue" in out


def test_a_wide_one_is_cut_and_says_so(folder: Folder) -> None:
    path = written(folder, fan(500))
    lines = folder.wf("graph", path).out.splitlines()
    assert len(lines) == 202
    assert lines[-1] == "and 302 nodes more: --limit shows them"
    assert len(folder.wf("graph", path, "--limit", "1000").out.splitlines()) == 503


def test_mermaid_has_every_node_and_edge(folder: Folder) -> None:
    document = workflow(
        node("end"),
        node("get-posts", "noop", "end"),
        node("b", "noop", "get-posts", "end", when='{{ 1 < 2 and "x" }}'),
    )
    done = folder.wf("graph", written(folder, document), "--format", "mermaid")
    assert done.out.splitlines() == [
        "flowchart TD",
        '    node-0["end<br/>noop"]',
        '    node-1["get-posts<br/>noop"]',
        '    b["b<br/>noop"]',
        "    node-0 --> node-1",
        '    node-1 -->|"{{ 1 #60; 2 and #34;x#34; }}"| b',
        '    node-0 -->|"{{ 1 #60; 2 and #34;x#34; }}"| b',
    ]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (workflow(node("a", "noop", "b"), node("b", "noop", "a")), "graph.cycle"),
        (workflow(node("a", "noop", "c")), "graph.unknown_dependency"),
        (workflow(node("a"), node("a")), "graph.duplicate_id"),
        ({"name": "x"}, "document.missing_field"),
        ([], "document.type"),
    ],
)
def test_what_is_no_dag_is_refused_with_its_place(folder: Folder, document: Any, code: str) -> None:
    done = folder.wf("graph", written(folder, document))
    assert done.code == 3
    assert code in done.err
    assert done.out == ""


def test_no_handler_need_be_installed(folder: Folder) -> None:
    done = folder.wf("graph", written(folder, workflow(node("a", "nobody-has-this"))))
    assert done.code == 0


def test_control_characters_of_a_document_do_not_reach_the_terminal(folder: Folder) -> None:
    document = workflow(node("a", "no\x1b[31mop", when="{{ '\x1b[2J' }}"))
    done = folder.wf("graph", written(folder, document))
    assert "\x1b" not in done.out
