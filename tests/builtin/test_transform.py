"""`transform`: what it gives, and what is known of it before it runs."""

from typing import Any

import pytest
from pydantic import ValidationError

import wfcore
from wfcore import DocumentRefused, Workflow
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler

ORDER = {"items": [{"price": 2}, {"price": 3.5}], "customer": "Ada"}


def document(value: Any, result: Any) -> dict[str, Any]:
    return {
        "name": "w",
        "dag": {
            "nodes": [
                {"id": "order", "handler": "input"},
                {
                    "id": "shaped",
                    "handler": "transform",
                    "dependencies": ["order"],
                    "config": {"value": value},
                },
                {
                    "id": "result",
                    "handler": "output",
                    "dependencies": ["shaped"],
                    "config": {"value": result},
                },
            ]
        },
    }


def given(value: Any, result: Any) -> Any:
    ended = wfcore.run(document(value, result), input=ORDER)
    assert ended.status == "COMPLETED"
    return (ended.results or {})["result"]


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ({"a": [1]}, {"a": [1]}),
        ({}, {}),
        ([1], {"value": [1]}),
        ("text", {"value": "text"}),
        (None, {"value": None}),
        (False, {"value": False}),
    ],
)
async def test_an_object_is_given_as_it_is_and_anything_else_under_value(
    builtins: Registry, context: FakeContext, value: Any, output: Any
) -> None:
    assert await run_handler(builtins.handler("transform"), {"value": value}, context) == output


@pytest.mark.parametrize(
    ("value", "result", "expected"),
    [
        (
            {
                "who": "{{ order.output.customer }}",
                "sum": "{{ order.output.items | sum('price') }}",
            },
            "{{ shaped.output.who }} pays {{ shaped.output.sum }}",
            "Ada pays 5.5",
        ),
        (
            "{{ order.output.items | map(attribute='price') }}",
            "{{ shaped.output.value[1] }}",
            3.5,
        ),
        ("{{ order.output }}", "{{ shaped.output.customer }}", "Ada"),
        ("for {{ order.output.customer }}", "{{ shaped.output.value }}", "for Ada"),
        (
            {"{{ a }}": "{% raw %}{{ b }}{% endraw %}"},
            "{{ shaped.output }}",
            {"{{ a }}": "{{ b }}"},
        ),
    ],
)
def test_templates_are_rendered_and_their_values_keep_their_kinds(
    value: Any, result: Any, expected: Any
) -> None:
    assert given(value, result) == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"total": 1}, "totl"),
        ({"total": 1}, "value"),
        ({"total": {"net": "{{ order.output.items }}"}}, "total.gross"),
        ({"total": "text"}, "total.net"),
        ({"total": "for {{ order.output.customer }}"}, "total.net"),
        ([{"net": 1}], "value[0].gross"),
        ([], "value[0]"),
        ("text", "text"),
        ("for {{ order.output.customer }}", "customer"),
        (None, "value.a"),
        (True, "value.a"),
        ({}, "a"),
    ],
)
def test_what_a_literal_value_does_not_have_is_told_at_submit(value: Any, path: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        wfcore.run(document(value, f"{{{{ shaped.output.{path} }}}}"), input=ORDER)
    [problem] = refused.value.problems
    assert (problem.code, problem.pointer) == (
        "reference.unknown_field",
        "/dag/nodes/2/config/value",
    )


def test_a_misspelt_key_is_told_with_the_nearest() -> None:
    with pytest.raises(DocumentRefused) as refused:
        wfcore.run(document({"total": 1, "tax": 2}, "{{ shaped.output.totl }}"), input=ORDER)
    [problem] = refused.value.problems
    assert problem.message == "`shaped.output` has no `totl`"
    assert problem.hint == 'did you mean "total"?'


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("{{ order.output }}", "customer"),
        ("  {{- order.output }}", "customer"),
        ("{# all of it #}{{ order.output }}", "customer"),
        ("{% raw %}{% endraw %}{{ order.output }}", "customer"),
        ({"order": "{{ order.output }}"}, "order.items[0].price"),
        ([{"order": "{{ order.output }}"}], "value[0].order.customer"),
        (["a", "b"], "value[-1]"),
    ],
)
def test_what_only_a_template_can_tell_is_left_to_it(value: Any, path: str) -> None:
    assert given(value, f"{{{{ shaped.output.{path} is defined }}}}") is True


def test_without_a_value_nothing_is_known_and_the_config_is_refused(builtins: Registry) -> None:
    handler = builtins.handler("transform")
    workflow = Workflow.model_validate(document(1, 1))
    assert handler.output_schema({}, workflow) is None
    with pytest.raises(ValidationError):
        handler.Config.model_validate({})
    with pytest.raises(ValidationError):
        handler.Config.model_validate({"value": 1, "values": 2})
