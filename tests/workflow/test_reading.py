"""From JSON values to the models, with everything that is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.problems import Problem
from wfcore.workflow.document import Workflow
from wfcore.workflow.findings import Findings
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import RESERVED
from wfcore.workflow.reading import Reading, read

LIMITS = Limits()


def node(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"id": name, "handler": "h", **fields}


def document(*nodes: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "w", "dag": {"nodes": list(nodes)}, **fields}


def problems(value: Any, limits: Limits = LIMITS) -> list[Problem]:
    findings = Findings(limits.max_problems)
    read(value, limits, findings)
    return findings.problems(value)


def codes(value: Any, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in problems(value, limits)]


def well(value: Any) -> Workflow:
    findings = Findings(100)
    reading: Reading = read(value, LIMITS, findings)
    assert not findings, findings.problems(value)
    return reading.workflow()


def resolves(value: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return True


def test_the_seeds_document_is_read() -> None:
    seed = {
        "name": "Simple LLM Workflow",
        "dag": {
            "nodes": [
                {
                    "id": "get_posts",
                    "handler": "call_external_service",
                    "config": {"url": "https://api.example.com/posts"},
                },
                {"id": "output", "handler": "output", "dependencies": ["get_posts"]},
            ]
        },
    }
    workflow = well(seed)
    assert workflow.name == "Simple LLM Workflow"
    assert [each.id for each in workflow.dag.nodes] == ["get_posts", "output"]
    assert workflow.dag.nodes[1].dependencies == ("get_posts",)


def test_what_a_document_leaves_out_has_defaults() -> None:
    workflow = well(document(node()))
    only = workflow.dag.nodes[0]
    assert (only.dependencies, only.config, only.description) == ((), {}, "")
    assert (only.retry, only.timeout, only.when) == (None, None, True)
    assert (only.join, only.on_error) == ("all_success", "fail")
    assert (workflow.labels, workflow.timeout, workflow.input_schema) == ({}, None, None)


def test_reading_node_by_node_gives_what_the_model_gives() -> None:
    value = document(
        node("a", retry={"max_attempts": 2, "retry_on": ["Http*"]}, timeout=1.5),
        node("b", dependencies=["a"], when="{{ a.output.x }}", join="all_done", config={"k": [1]}),
        labels={"team": "x"},
        timeout=10,
        description="d",
        input_schema={"type": "object"},
    )
    assert well(value) == Workflow.model_validate(value)


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_a_document_is_an_object(value: Any) -> None:
    assert codes(value) == [("document.type", "")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, [("document.missing_field", ""), ("document.missing_field", "")]),
        ({"name": "w", "dag": {}}, [("document.missing_field", "/dag")]),
        ({"name": "w", "dag": []}, [("document.invalid", "/dag")]),
        ({"name": "w", "dag": {"nodes": {}}}, [("document.invalid", "/dag/nodes")]),
        ({"name": "w", "dag": {"nodes": []}}, [("document.empty", "/dag/nodes")]),
        ({"name": "", "dag": {"nodes": [node()]}}, [("document.invalid", "/name")]),
        ({"name": 7, "dag": {"nodes": [node()]}}, [("document.invalid", "/name")]),
        (
            {"name": "w", "dag": {"nodes": [node()], "edges": []}},
            [("document.unknown_field", "/dag/edges")],
        ),
    ],
)
def test_a_document_of_the_wrong_shape_is_refused(value: Any, expected: Any) -> None:
    assert codes(value) == expected


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("dependencies", "a", "/dependencies"),
        ("dependencies", ["b", 1], "/dependencies/1"),
        ("config", [], "/config"),
        ("timeout", 0, "/timeout"),
        ("timeout", "5", "/timeout"),
        ("timeout", True, "/timeout"),
        ("when", 1, "/when"),
        ("when", None, "/when"),
        ("join", "any", "/join"),
        ("on_error", "ignore", "/on_error"),
        ("description", "x" * 4097, "/description"),
        ("handler", "", "/handler"),
        ("retry", 3, "/retry"),
        ("retry", {"max_attempts": 0}, "/retry/max_attempts"),
        ("retry", {"max_attempts": 1.5}, "/retry/max_attempts"),
        ("retry", {"backoff": "expo"}, "/retry/backoff"),
        ("retry", {"initial_interval": -1}, "/retry/initial_interval"),
        ("retry", {"multiplier": 0.5}, "/retry/multiplier"),
        ("retry", {"max_interval": 0}, "/retry/max_interval"),
        ("retry", {"jitter": "yes"}, "/retry/jitter"),
        ("retry", {"retry_on": []}, "/retry/retry_on"),
        ("retry", {"retry_on": ["a", ""]}, "/retry/retry_on/1"),
        ("retry", {"total_timeout": -1}, "/retry/total_timeout"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(field: str, value: Any, place: str) -> None:
    given = document(node("ok"), node("a", **{field: value}))
    assert codes(given) == [("document.invalid", f"/dag/nodes/1{place}")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", 1),
        ("labels", {"a": 1}),
        ("labels", {str(at): "" for at in range(65)}),
        ("timeout", -1),
        ("input_schema", True),
        ("name", "x" * 257),
    ],
)
def test_a_wrong_value_of_the_workflow_is_refused(field: str, value: Any) -> None:
    found = codes({**document(node()), field: value})
    assert [code for code, _ in found] == ["document.invalid"]
    assert found[0][1].startswith(f"/{field}")


def test_unknown_fields_are_refused_with_the_nearest_known_one() -> None:
    value = document(
        node("a", dependancies=[]), node("b", retry={"max_attempt": 1}), descripton="x"
    )
    assert [(each.code, each.pointer, each.hint) for each in problems(value)] == [
        ("document.unknown_field", "/dag/nodes/0/dependancies", 'did you mean "dependencies"?'),
        (
            "document.unknown_field",
            "/dag/nodes/1/retry/max_attempt",
            'did you mean "max_attempts"?',
        ),
        ("document.unknown_field", "/descripton", 'did you mean "description"?'),
    ]


def test_a_message_says_what_was_given() -> None:
    [problem] = problems(document(node("a", retry={"max_attempts": 0})))
    assert problem.message == "max_attempts should be greater than or equal to 1, not 0"
    [problem] = problems(document(node("a", join="one")))
    assert problem.message == (
        "join should be 'all_success', 'all_done' or 'any_success', not \"one\""
    )


@pytest.mark.parametrize("name", ["a", "0", "_", "a-b.c", "input", "filter", "item", "A" * 128])
def test_legal_ids_are_taken(name: str) -> None:
    assert codes(document(node(name))) == []


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "ä", "a/b", "@start", "A" * 129, "a\n"])
def test_ids_outside_the_pattern_are_refused(name: str) -> None:
    assert codes(document(node(name))) == [("document.invalid_id", "/dag/nodes/0/id")]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_ids_are_refused(name: str) -> None:
    assert codes(document(node(name))) == [("document.reserved_id", "/dag/nodes/0/id")]


def test_all_problems_come_at_once_in_the_documents_order() -> None:
    value = {
        "dag": {"nodes": [{"id": "a b", "handler": 1, "x": 1}, 5, {"handler": "h"}]},
        "name": 1,
        "colour": 2,
    }
    assert codes(value) == [
        ("document.invalid_id", "/dag/nodes/0/id"),
        ("document.invalid", "/dag/nodes/0/handler"),
        ("document.unknown_field", "/dag/nodes/0/x"),
        ("document.invalid", "/dag/nodes/1"),
        ("document.missing_field", "/dag/nodes/2"),
        ("document.invalid", "/name"),
        ("document.unknown_field", "/colour"),
    ]


def test_too_many_nodes_and_dependencies_are_refused() -> None:
    value = document(node("a"), node("b", dependencies=["a", "c"]), node("c", dependencies=["a"]))
    assert codes(value, Limits(max_nodes=3, max_edges=3)) == []
    assert codes(value, Limits(max_nodes=2)) == [("document.too_many_nodes", "/dag/nodes")]
    assert codes(value, Limits(max_edges=2)) == [("document.too_many_edges", "/dag/nodes")]


def test_a_document_with_very_many_problems_gets_a_bounded_answer() -> None:
    found = problems(document(*[node(f"n{at}", depndencies=[]) for at in range(20_000)]))
    assert len(found) == LIMITS.max_problems + 1
    assert found[0].hint == 'did you mean "dependencies"?'
    assert found[-1].code == "problems.more"
    [many] = problems(document({**node("a"), **{f"x{at}": 1 for at in range(5_000)}}))
    assert many.message == "5002 fields are more than there are"


def test_a_wrong_node_still_tells_its_sound_fields() -> None:
    value = document(node("a", dependencies=["b"], config={"x": 1}, timeout=-1), 7)
    reading = read(value, LIMITS, Findings(100))
    wrong, hopeless = reading.outlines
    assert (wrong.id, wrong.handler, wrong.node) == ("a", "h", None)
    assert (list(wrong.dependencies), wrong.config) == (["b"], {"x": 1})
    assert (hopeless.id, hopeless.handler, hopeless.config) == (None, None, {})


fields = st.sampled_from(
    [
        "id",
        "handler",
        "dependencies",
        "config",
        "description",
        "retry",
        "timeout",
        "when",
        "join",
        "on_error",
        "name",
        "dag",
        "nodes",
        "x/~",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(fields, anything, max_size=4), st.lists(anything, max_size=4))
def test_every_problem_points_at_a_place_that_exists(extra: Any, nodes: list[Any]) -> None:
    for value in (extra, {**extra, "dag": {"nodes": nodes}}, document(*nodes)):
        for problem in problems(value):
            assert resolves(value, problem.pointer), problem
