"""What templates name, against the graph and against what handlers say of their outputs."""

from typing import Any

import pytest

from tests.proof.handlers import FETCH, document, node, prove, reads, refusal, told


@pytest.mark.parametrize(
    "path",
    [
        "posts",
        "posts.output",
        "posts.state",
        "posts.error.type",
        "posts.error.details.anything[3]",
        "posts.output.count",
        "posts.output.posts[0].title",
        "posts.output.posts[-1].tags[2]",
        "posts.output.posts[0].title[0]",
        "posts.output.first.author.name",
        "posts.output.extra.what.ever",
        "nodes['posts'].output['first']['title']",
        "posts.output.posts | length",
        "execution.id",
        "execution.input.anything",
        "execution.name",
        "execution.labels.team",
        "execution.labels.other | default('x')",
    ],
)
def test_paths_that_can_exist_are_taken(path: str) -> None:
    assert reads(f"{{{{ {path} }}}}", labels={"team": "x"}) == []


@pytest.mark.parametrize(
    ("path", "whole", "missing", "hint"),
    [
        ("posts.outptu", "posts", "outptu", 'did you mean "output"?'),
        ("posts.result", "posts", "result", "it has output, state, error"),
        ("posts.state.x", "posts.state", "x", None),
        ("posts.error.typ", "posts.error", "typ", 'did you mean "type"?'),
        ("posts.output.cuont", "posts.output", "cuont", 'did you mean "count"?'),
        ("posts.output.posts.title", "posts.output.posts", "title", None),
        ("posts.output.posts[0].titel", "posts.output.posts[0]", "titel", 'did you mean "title"?'),
        ("posts.output.first.author.nmae", "posts.output.first.author", "nmae", None),
        ("posts.output.first[0]", "posts.output.first", "0", None),
        ("posts.output.count.x", "posts.output.count", "x", None),
        ("nodes['posts'].output.cuont", "posts.output", "cuont", 'did you mean "count"?'),
        ("posts.output.cuont | default(1)", "posts.output", "cuont", 'did you mean "count"?'),
        ("execution.inptu.x", "execution", "inptu", 'did you mean "input"?'),
        ("execution.labels.taem", "execution.labels", "taem", 'did you mean "team"?'),
    ],
)
def test_paths_that_cannot_exist_are_refused(
    path: str, whole: str, missing: str, hint: str | None
) -> None:
    [problem] = reads(f"a {{{{ {path} }}}} b", labels={"team": "x"})
    assert (problem.code, problem.pointer) == (
        "reference.unknown_field",
        "/dag/nodes/1/config/text",
    )
    assert problem.message == f"`{whole}` has no `{missing}`"
    if hint is not None:
        assert problem.hint == hint


def test_nothing_is_said_of_outputs_that_are_not_declared() -> None:
    assert reads("{{ other.output.anything.goes[3] }}", node("other", "mixed")) == []


def test_an_unknown_node_is_refused_with_the_nearest_id() -> None:
    [problem] = reads("{{ poosts.output.count }}")
    assert problem.code == "reference.unknown_node"
    assert problem.message == 'there is no node "poosts"'
    assert problem.hint == 'did you mean "posts"?'


def test_secrets_cannot_be_read_where_the_handler_asks_for_none() -> None:
    [problem] = reads("{{ secrets.KEY }}")
    assert problem.code == "template.secret"


def test_a_node_that_does_not_run_before_is_refused() -> None:
    value = document(
        node("a"),
        node("b"),
        node("c", "open", "a", config={"x": ["{{ b.output }}"], "y": "{{ a.output }}"}),
        node("d", "open", "c", config={"x": "{{ a.output }}{{ c.state }}{{ e.state }}"}),
        node("e", "open", "d", config={"x": "{{ e.output }}"}),
    )
    assert told(value) == [
        ("reference.not_upstream", "/dag/nodes/2/config/x/0"),
        ("reference.not_upstream", "/dag/nodes/3/config/x"),
        ("reference.not_upstream", "/dag/nodes/4/config/x"),
    ]
    first = refusal(value)[0]
    assert first.message == '"b" does not run before this node'
    assert first.hint == 'add "b" to its dependencies'


def test_conditions_are_checked_like_configs() -> None:
    value = document(FETCH, node("b"), node("c", "bare", "posts", when="{{ b.state == 'x' }}"))
    assert told(value) == [("reference.not_upstream", "/dag/nodes/2/when")]
    value = document(FETCH, node("c", "bare", "posts", when="{{ posts.output.cont > 1 }}"))
    assert told(value) == [("reference.unknown_field", "/dag/nodes/1/when")]


def test_a_misspelt_dependency_does_not_make_its_ancestors_wrong() -> None:
    value = document(
        FETCH, node("b", "bare", "pots"), node("c", "open", "b", config={"x": "{{ posts.output }}"})
    )
    assert told(value) == [("graph.unknown_dependency", "/dag/nodes/1/dependencies/0")]


def test_the_input_is_checked_against_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"customer": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "additionalProperties": False,
    }
    assert reads("{{ execution.input.customer.anything }}", input_schema=schema) == []
    [problem] = reads("{{ execution.input.costumer.name }}", input_schema=schema)
    assert problem.message == "`execution.input` has no `costumer`"
    assert problem.hint == 'did you mean "customer"?'
    assert reads("{{ execution.input.costumer }}", input_schema={"type": "object"}) == []


def gives(schema: Any, path: str) -> list[str]:
    other = node("other", "open", config={"gives": schema})
    return [each.message for each in reads(f"{{{{ other.output.{path} }}}}", other)]


CLOSED = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (True, "x"),
        ({}, "x"),
        ({"type": "object"}, "x.y"),
        ({"properties": {"x": {}}}, "y"),
        ({**CLOSED, "patternProperties": {"^x": {}}}, "xy"),
        ({"type": "object", "additionalProperties": {"type": "object"}}, "x.y"),
        ({"anyOf": [{**CLOSED}, {**CLOSED, "properties": {"x": {}}}]}, "x"),
        ({"oneOf": [{"type": "null"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}}, "x"),
        ({"allOf": [CLOSED, {}]}, "x"),
        ({**CLOSED, "if": {}}, "x"),
        ({"$ref": "#/$defs/none"}, "x"),
        ({"$ref": "#"}, "x"),
        ({"$ref": "http://elsewhere"}, "x"),
        ({"type": ["object", "null"]}, "x"),
        ({**CLOSED, "properties": {"x": {"type": "array", "prefixItems": [{}]}}}, "x[5].y"),
        ({**CLOSED, "properties": 5}, "x"),
    ],
)
def test_a_schema_that_leaves_a_door_open_refuses_nothing(schema: Any, path: str) -> None:
    assert [each for each in gives(schema, path) if "has no" in each] == []


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (CLOSED, "x"),
        ({**CLOSED, "properties": {"x": False}}, "x"),
        ({"additionalProperties": False, "properties": {"a": {}}}, "x"),
        ({"anyOf": [CLOSED, {"type": "null"}]}, "x"),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": CLOSED}}, "x"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": CLOSED}}, "x"),
        ({"type": ["string", "array", "null"]}, "x"),
        ({**CLOSED, "properties": {"x": {"type": "array", "items": CLOSED}}}, "x[0].y"),
        (
            {**CLOSED, "properties": {"x": {"type": "array", "prefixItems": [{}], "items": False}}},
            "x[1]",
        ),
        ({"type": "object", "additionalProperties": CLOSED}, "x.y"),
    ],
)
def test_a_schema_that_rules_a_path_out_refuses_it(schema: Any, path: str) -> None:
    assert ["has no" in each for each in gives(schema, path)] == [True]


def test_a_handler_that_cannot_say_its_schema_is_named() -> None:
    for schema in ("an error", ["x"]):
        other = node("other", "open", config={"gives": schema})
        [problem] = reads("{{ other.output.x }} {{ other.output.y }}", other)
        assert problem.code == "plugin.failed"
        assert 'output_schema of handler "open"' in problem.message


def test_a_wide_join_reads_all_its_dependencies() -> None:
    names = [f"n{at}" for at in range(500)]
    text = " ".join(f"{{{{ {name}.state }}}}" for name in names)
    last = node("last", "open", *names, config={"text": text})
    plan = prove(document(*[node(name) for name in names], last))
    assert plan.nodes["last"].needs == tuple(names)
