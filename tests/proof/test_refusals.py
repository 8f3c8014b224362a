"""Documents that are refused, and what is said about them."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.handlers import FETCH, document, node, prove, prover, refusal, told
from wfcore.plugins.registry import PluginReport
from wfcore.problems import Problem
from wfcore.workflow.document import Workflow
from wfcore.workflow.limits import Limits


def test_an_unknown_handler_is_refused_with_the_nearest_one() -> None:
    [problem] = refusal(document(node("a", "fetsh")))
    assert (problem.code, problem.pointer) == ("handler.unknown", "/dag/nodes/0/handler")
    assert problem.hint == 'did you mean "fetch"?'


def test_a_handler_of_a_broken_plugin_is_refused_with_the_plugins_error() -> None:
    report = PluginReport(
        name="acme",
        module="acme.plugin",
        status="broken",
        seconds=0.1,
        distribution="acme-plugins",
        version="1.2",
        handlers=("translate",),
        error="ModuleNotFoundError: No module named 'acme_sdk'",
    )
    [problem] = refusal(document(node("a", "translate")), prover(reports=(report,)))
    assert (problem.code, problem.pointer) == ("handler.broken", "/dag/nodes/0/handler")
    assert "installed but broken: ModuleNotFoundError" in problem.message
    assert problem.hint == "see distribution acme-plugins 1.2 (entry point 'acme')"


def test_problems_of_every_kind_come_at_once_in_the_documents_order() -> None:
    value = document(
        node("a", "fetsh", "zzz", timeout=-1, config={"x": "{{ nobody.output }}"}),
        node("b", "fetch", "c", config={"retries": -1, "url": "{{ posts.output.cont }}"}),
        node("c", "bare", "b", when="{{ 1 +"),
        FETCH,
        input_schema={"type": "objct"},
    )
    assert told(value) == [
        ("handler.unknown", "/dag/nodes/0/handler"),
        ("graph.unknown_dependency", "/dag/nodes/0/dependencies/0"),
        ("document.invalid", "/dag/nodes/0/timeout"),
        ("reference.unknown_node", "/dag/nodes/0/config/x"),
        ("graph.cycle", "/dag/nodes/1/dependencies"),
        ("config.invalid", "/dag/nodes/1/config/retries"),
        ("reference.unknown_field", "/dag/nodes/1/config/url"),
        ("template.syntax", "/dag/nodes/2/when"),
        ("schema.invalid", "/input_schema/type"),
    ]


def test_a_condition_must_be_one_expression() -> None:
    assert told(document(node("a", when="yes {{ 1 }}"))) == [
        ("template.not_an_expression", "/dag/nodes/0/when")
    ]


def test_all_wrong_templates_of_a_config_are_told_beside_its_missing_keys() -> None:
    value = document(node("a", "fetch", config={"headers": {"a": "{{ 1 +", "b": ["{% nope %}"]}}))
    assert told(value) == [
        ("config.missing_key", "/dag/nodes/0/config"),
        ("template.syntax", "/dag/nodes/0/config/headers/a"),
        ("config.invalid", "/dag/nodes/0/config/headers/b"),
        ("template.tag", "/dag/nodes/0/config/headers/b/0"),
    ]


def test_validators_are_asked_once_everything_else_is_sound() -> None:
    asked: list[str] = []

    def shouts(workflow: Workflow) -> Iterable[Problem]:
        asked.append(workflow.name)
        yield Problem("acme.loud", "/name", "too loud", "whisper")

    by = prover(validators=(shouts,))
    assert told(document(node("a", "nope")), by) == [("handler.unknown", "/dag/nodes/0/handler")]
    assert asked == []
    assert refusal(document(node("a"), name="HEY"), by) == (
        Problem("acme.loud", "/name", "too loud", "whisper"),
    )
    assert asked == ["HEY"]


def test_a_validator_that_raises_refuses_the_document_and_says_so() -> None:
    def broken(workflow: Workflow) -> Iterable[Problem]:
        raise ZeroDivisionError("oops")

    def wrong(workflow: Workflow) -> Any:
        return [None]

    [problem] = refusal(document(node("a")), prover(validators=(broken,)))
    assert (problem.code, problem.pointer) == ("plugin.failed", "")
    assert "broken" in problem.message
    assert "ZeroDivisionError: oops" in problem.message
    assert told(document(node("a")), prover(validators=(wrong,))) == [("plugin.failed", "")]


def test_a_document_with_very_many_wrong_references_gets_a_bounded_answer() -> None:
    nodes = [
        node(f"node_{at}", "open", f"nod_{at}", config={"t": f"{{{{ noode_{at}.output }}}}"})
        for at in range(3_000)
    ]
    found = refusal(document(*nodes))
    assert len(found) == Limits().max_problems + 1
    assert found[0].hint == 'did you mean "node_0"?'
    assert found[99].hint is not None
    assert found[-1].code == "problems.more"


def test_limits_are_kept() -> None:
    value = document(node("a"), node("b", "bare", "a"))
    assert told(value, prover(Limits(max_nodes=1))) == [
        ("document.too_many_nodes", "/dag/nodes"),
    ]
    assert len(refusal(document(*[node("-")] * 9), prover(Limits(max_problems=3)))) == 4


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


names = st.sampled_from(["a", "b", "posts", "b-c", "nodes"])
texts = st.sampled_from(
    [
        "plain",
        "{{ a.output }}",
        "{{ posts.output.posts[0].title }} {{ b.stat }}",
        "{{ nodes['b-c'].output | default(1) }}",
        "{{ execution.input.x }}",
        "{% if a.state %}x{% endif %}",
        "{{ a.",
        "{{ posts.output.first.author.nam }}",
    ]
)
literals = st.none() | st.booleans() | st.integers(-3, 20) | texts
values = st.recursive(
    literals,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(["url", "retries", "value", "pair", "as", "raw", "low", "high", "gives"])
nodes = st.fixed_dictionaries(
    {
        "id": names,
        "handler": st.sampled_from(["fetch", "mixed", "open", "bare", "none"]),
        "dependencies": st.lists(names, max_size=3),
        "config": st.dictionaries(keys, values, max_size=3),
    },
    optional={
        "when": st.booleans() | texts,
        "join": st.sampled_from(["all_done", "any_success", "some"]),
        "retry": st.dictionaries(st.sampled_from(["max_attempts", "x"]), values, max_size=2),
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(nodes | values, max_size=5), st.none() | st.dictionaries(keys, values, max_size=2))
def test_any_document_is_planned_or_refused_with_places_that_exist(
    listed: list[Any], schema: Any
) -> None:
    value = document(*listed, input_schema=schema)
    problems = refusal(value)
    for problem in problems:
        assert resolves(value, problem.pointer), problem
    if not problems:
        assert list(prove(value).nodes) == [each["id"] for each in listed]


@pytest.mark.parametrize("value", [None, [], 1, {}, {"dag": 1}, {"dag": {"nodes": [None]}}])
def test_what_is_no_workflow_at_all_is_refused(value: Any) -> None:
    assert refusal(value)
