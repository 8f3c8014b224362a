"""The execution's input against its JSON Schema, and schemas that are refused."""

import json
import time
from typing import Any

import pytest

from tests.builtin.service import Service
from wfcore.workflow.input import InputValidator, check_schema
from wfcore.workflow.limits import Limits

LIMITS = Limits()
AT = "/input_schema"


def refused(schema: dict[str, Any], limits: Limits = LIMITS) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in check_schema(schema, AT, limits)]


def problems(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    assert refused(schema) == []
    found = InputValidator(schema, LIMITS).problems(value, "/execution/input")
    return [(each.code, each.pointer) for each in found]


CUSTOMER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "orders": {"items": {"$ref": "#/$defs/order"}}},
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"order": {"properties": {"a/b": {"minimum": 1}}}},
}


def test_an_input_that_matches_has_no_problems() -> None:
    assert problems(CUSTOMER, {"name": "Ada", "orders": [{"a/b": 1}]}) == []


def test_every_mismatch_is_told_with_its_place() -> None:
    assert sorted(problems(CUSTOMER, {"orders": [{}, {"a/b": 0}], "colour": 1})) == [
        ("input.invalid", "/execution/input"),
        ("input.invalid", "/execution/input"),
        ("input.invalid", "/execution/input/orders/1/a~1b"),
    ]


def test_a_mismatch_says_what_is_wrong() -> None:
    [problem] = InputValidator({"type": "integer"}, LIMITS).problems("x", "")
    assert problem.message == '"x" is not of type "integer"'


def test_very_many_mismatches_are_bounded() -> None:
    assert len(problems({"items": {"type": "string"}}, [1] * 5_000)) == LIMITS.max_problems


@pytest.mark.parametrize(
    ("schema", "code", "place"),
    [
        ({"type": "objct"}, "schema.invalid", "/type"),
        ({"properties": 3}, "schema.invalid", "/properties"),
        ({"properties": {"a": {"minimum": "1"}}}, "schema.invalid", "/properties/a/minimum"),
        ({"pattern": "(a"}, "schema.invalid", "/pattern"),
        ({"$ref": "#/$defs/none"}, "schema.invalid", ""),
        ({"$ref": 3}, "schema.invalid", "/$ref"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "schema.dialect", "/$schema"),
        ({"$schema": 7}, "schema.dialect", "/$schema"),
    ],
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any], code: str, place: str) -> None:
    assert refused(schema) == [(code, AT + place)]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/x.json", "file:///etc/passwd", "other.json"])
def test_nothing_outside_the_schema_is_fetched(uri: str) -> None:
    schema = {"properties": {"a": {"$ref": uri}}}
    assert refused(schema) == [("schema.remote_ref", f"{AT}/properties/a")]


def test_references_inside_the_schema_are_followed() -> None:
    for schema in (
        {"$defs": {"n": {"$anchor": "num", "type": "integer"}}, "$ref": "#num"},
        {"$id": "http://x/y", "$defs": {"n": {"$id": "z", "type": "integer"}}, "$ref": "z"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "integer"},
    ):
        assert problems(schema, 1) == []
        assert problems(schema, "x") == [("input.invalid", "/execution/input")]


def test_patterns_need_linear_time() -> None:
    assert refused({"pattern": "(?=a)b"}) == [("schema.invalid", f"{AT}/pattern")]
    schema = {"type": "string", "pattern": "^(a+)+$"}
    started = time.process_time()
    assert problems(schema, "a" * 50_000 + "!") == [("input.invalid", "/execution/input")]
    assert time.process_time() - started < 5


def test_a_schema_that_is_too_large_is_refused() -> None:
    assert refused({"enum": ["x" * 100]}, Limits(max_schema_bytes=50)) == [("schema.too_large", AT)]


def doubling(levels: int) -> dict[str, Any]:
    parts: dict[str, Any] = {"p0": {"type": "integer"}}
    for at in range(1, levels):
        parts[f"p{at}"] = {"allOf": [{"$ref": f"#/$defs/p{at - 1}"}] * 2}
    return {"$defs": parts, "$ref": f"#/$defs/p{levels - 1}"}


EXPLODING: dict[str, dict[str, Any]] = {
    "references that double": doubling(40),
    "two ways to every child": {
        "allOf": [{"properties": {"c": {"$ref": "#"}}}, {"properties": {"c": {"$ref": "#"}}}]
    },
    "a child by name and by pattern": {
        "properties": {"c": {"$ref": "#"}},
        "patternProperties": {"c": {"$ref": "#"}},
    },
    "two ways to every item": {"items": {"$ref": "#"}, "contains": {"$ref": "#"}},
    "itself": {"$ref": "#"},
    "itself in a branch": {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
    "by anchor": {
        "$anchor": "me",
        "allOf": [
            {"additionalProperties": {"$ref": "#me"}},
            {"properties": {"a": {"$ref": "#me"}}},
        ],
    },
}


@pytest.mark.parametrize("name", EXPLODING)
def test_a_schema_that_makes_small_inputs_expensive_is_refused(name: str) -> None:
    started = time.process_time()
    assert refused(EXPLODING[name]) == [("schema.too_costly", AT)]
    assert time.process_time() - started < 5


RECURSIVE: dict[str, dict[str, Any]] = {
    "any JSON": {
        "anyOf": [
            {"type": "object", "additionalProperties": {"$ref": "#"}},
            {"type": "array", "items": {"$ref": "#"}},
            {"type": ["string", "number", "boolean", "null"]},
        ]
    },
    "a binary tree": {
        "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "additionalProperties": {"$ref": "#"},
    },
    "a filter language": {
        "oneOf": [
            {"properties": {"and": {"items": {"$ref": "#"}}}, "required": ["and"]},
            {"properties": {"or": {"items": {"$ref": "#"}}}, "required": ["or"]},
            {"properties": {"not": {"$ref": "#"}}, "required": ["not"]},
        ]
    },
    "a tuple": {"prefixItems": [{"$ref": "#"}, {"$ref": "#"}], "items": {"$ref": "#"}},
    "many references to one part": {
        "properties": {f"p{at}": {"$ref": "#/$defs/address"} for at in range(500)},
        "$defs": {"address": {"properties": {"street": {"type": "string"}}}},
    },
}


@pytest.mark.parametrize("name", RECURSIVE)
def test_usual_recursive_schemas_are_taken(name: str) -> None:
    assert refused(RECURSIVE[name]) == []


def test_an_input_that_is_too_large_for_its_schema_is_refused() -> None:
    schema = {"items": {"allOf": [{"enum": list(range(500))}] * 20}}
    assert refused(schema) == []
    assert problems(schema, [1] * 10) == []
    assert problems(schema, [1] * 10_000) == [("input.too_large", "/execution/input")]


REMOTE: dict[str, dict[str, Any]] = {
    "a reference": {"$ref": "{url}/x.json"},
    "a reference to a part": {"$ref": "{url}/x.json#/$defs/a"},
    "a dynamic reference": {"$dynamicRef": "{url}/x.json#a"},
    "relative to an id": {"$id": "{url}/base/", "properties": {"a": {"$ref": "other.json"}}},
    "deep inside": {"$defs": {"a": {"items": {"not": {"$ref": "{url}/x.json"}}}}},
    "a dialect": {"$schema": "{url}/dialect"},
    "a dialect of a part": {"$defs": {"a": {"$id": "b", "$schema": "{url}/dialect"}}},
}


@pytest.mark.parametrize("name", REMOTE)
def test_no_schema_makes_a_request(name: str) -> None:
    with Service() as service:
        text = json.dumps(REMOTE[name]).replace("{url}", service.url("")).replace("x.json", "posts")
        assert check_schema(json.loads(text), AT, LIMITS) != [] or name == "a dialect of a part"
        assert service.log == []


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {"(?=a)b": {}}},
        {"propertyNames": {"pattern": r"(a)\1"}},
        {"pattern": "((a{1,100}){1,100}){1,100}"},
        {"pattern": "(?:a{0,1000}){0,1000}"},
    ],
)
def test_patterns_that_need_more_than_linear_time_or_much_memory_are_refused(
    schema: dict[str, Any],
) -> None:
    started = time.process_time()
    assert [code for code, _ in refused(schema)] == ["schema.invalid"]
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {"^(a+)+$": False}},
        {"propertyNames": {"pattern": "^(a|aa)+$"}},
        {"additionalProperties": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}},
    ],
)
def test_names_and_nested_values_are_matched_in_linear_time(schema: dict[str, Any]) -> None:
    started = time.process_time()
    problems(schema, {"a" * 50_000 + "!": "a" * 50_000 + "!"})
    assert time.process_time() - started < 5
