"""The execution's input: its JSON Schema, and the check of a value against it.

Schemas are the users': they resolve nothing remote, match patterns in linear time, and a schema
that a small input could make explode is refused (`wfcore.workflow.schema_cost`).
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from wfcore.problems import Problem, pointer
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import quoted
from wfcore.workflow.schema_cost import SchemaTooCostly, cost_of_value, places

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["InputValidator", "check_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# Steps of about 25 ns: what one check of an input may cost, half a second.
_MOST_STEPS: Final = 20_000_000
_LONGEST_SAID: Final = 300


class _Remote(Exception):
    """A schema asked for something that is not in it."""


def check_schema(schema: Mapping[str, Any], at: str, limits: Limits) -> list[Problem]:
    """Return what is wrong with a JSON Schema (draft 2020-12) that stands at the pointer `at`."""
    size = len(json.dumps(schema, ensure_ascii=False).encode())
    if size > limits.max_schema_bytes:
        message = f"{size} bytes are more than the limit of {limits.max_schema_bytes}"
        return [Problem("schema.too_large", at, message)]
    dialect = schema.get("$schema", _DIALECT)
    if dialect not in (_DIALECT, _DIALECT + "#"):
        message = f"the dialect {quoted(str(dialect))} is not known"
        hint = f"leave $schema out, or write {_DIALECT}"
        return [Problem("schema.dialect", at + "/$schema", message, hint)]
    wrong = list(_wrong(schema, at))
    if wrong:
        return wrong
    try:
        cost_of_value(schema, limits.max_depth)
    except SchemaTooCostly as error:
        return [Problem("schema.too_costly", at, str(error))]
    return []


def _wrong(schema: Mapping[str, Any], at: str) -> Iterator[Problem]:
    import jsonschema_rs  # noqa: PLC0415 - only documents with a schema pay for it

    asked: list[str] = []
    try:
        _build(schema, asked)
    except jsonschema_rs.ValidationError as error:
        if not asked:
            place = at + pointer(*error.instance_path)
            yield Problem("schema.invalid", place, error.message[:_LONGEST_SAID])
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        if not asked:
            yield Problem("schema.invalid", at, str(error)[:_LONGEST_SAID])
    for uri in asked:
        found = (way for way, each in places(schema) if uri.endswith(str(each.get("$ref"))))
        message = f"{quoted(uri)} stands outside the schema, and nothing is fetched"
        place = at + pointer(*next(found, ()))
        yield Problem("schema.remote_ref", place, message, "copy it into $defs")


def _build(schema: Mapping[str, Any], asked: list[str]) -> "jsonschema_rs.Draft202012Validator":
    import jsonschema_rs  # noqa: PLC0415

    def refuse(uri: str) -> Any:
        asked.append(uri)
        raise _Remote(uri)

    return jsonschema_rs.Draft202012Validator(
        dict(schema), retriever=refuse, pattern_options=jsonschema_rs.RegexOptions()
    )


class InputValidator:
    """Checks inputs against a schema that `check_schema` found sound."""

    def __init__(self, schema: Mapping[str, Any], limits: Limits) -> None:
        self._limits = limits
        self._cost = cost_of_value(schema, limits.max_depth)
        self._validator = _build(schema, [])

    def problems(self, value: Any, at: str) -> list[Problem]:
        """Return what is wrong with an input that stands at the pointer `at`."""
        if _count(value) * self._cost > _MOST_STEPS:
            message = "the input has too many values for a schema as involved as this"
            return [Problem("input.too_large", at, message)]
        errors = self._validator.iter_errors(value)
        return [_problem(error, at) for error in islice(errors, self._limits.max_problems)]


def _problem(error: "jsonschema_rs.ValidationError", at: str) -> Problem:
    place = at + pointer(*error.instance_path)
    return Problem("input.invalid", place, error.message[:_LONGEST_SAID])


def _count(value: Any) -> int:
    """Return how many values there are in a value, itself included."""
    level = [value]
    count = 0
    while level:
        count += len(level)
        inner = (each for each in level if isinstance(each, dict | list))
        level = [item for each in inner for item in _items(each)]
    return count


def _items(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value
