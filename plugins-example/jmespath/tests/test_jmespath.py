"""The engine, alone and in workflows."""

from typing import Any

import pytest
import wfcore_jmespath
from wfcore_jmespath import JmesPathEngine

from wfcore import Engine

NAMES: dict[str, Any] = {
    "a": {"output": {"items": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}], "text": "}"}},
    "b-c": {"output": {"value": None}},
}


@pytest.mark.parametrize(
    ("text", "value", "paths"),
    [
        ("${a.output.items[1].t}", "y", [("a", "output", "items", 1, "t")]),
        ("${a.output.items[?n > `1`].t}", ["y"], [("a", "output", "items")]),
        ("${a.output.items[*].n | sum(@)}", 3, [("a", "output", "items")]),
        ("${length(a.output.items)} of ${a.output.text}", "2 of }", None),
        ("${ {first: a.output.items[0].n, all: a.output.text} }", {"first": 1, "all": "}"}, None),
        ("${sort(a.output.items[].n)[-1]}", 2, [("a", "output", "items")]),
        (
            "${a.output.none || a.output.text}",
            "}",
            [("a", "output", "none"), ("a", "output", "text")],
        ),
        ('${"b-c".output.value}', None, [("b-c", "output", "value")]),
        ("$${literal} ${'}'}", "${literal} }", []),
    ],
)
def test_a_template_is_read_and_rendered(text: str, value: Any, paths: Any) -> None:
    template = JmesPathEngine().read(text)
    assert template.render(NAMES) == value
    if paths is not None:
        assert list(template.paths) == paths


@pytest.mark.parametrize("text", ["${", "${a.}", "${a[}", "x ${ 'open } "])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        JmesPathEngine().read(text)


async def test_references_are_checked_and_the_workflow_runs() -> None:
    nodes: list[dict[str, Any]] = [
        {"id": "start", "handler": "input"},
        {
            "id": "end",
            "handler": "output",
            "dependencies": ["start"],
            "config": {"value": "${sort(start.output.names)[-1]}"},
        },
    ]
    document = {"name": "j", "template_engine": "jmespath", "dag": {"nodes": nodes}}
    async with Engine(plugins=[wfcore_jmespath]) as engine:
        result = await engine.run(document, {"names": ["b", "c", "a"]})
        assert result.results == {"end": "c"}
        nodes[1]["config"] = {"value": "${strat.output.names}"}
        [problem] = await engine.check(document)
    assert (problem.code, problem.pointer) == (
        "reference.unknown_node",
        "/dag/nodes/1/config/value",
    )
