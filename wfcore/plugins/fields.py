"""The fields of a JSON object as people read them: one table for it, one for each of its parts."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Field", "FieldTable", "field_tables"]

_REFERENCE: Final = "#/$defs/"
_RAW: Final = "Not rendered: template marks in it stay text."
_SECRET: Final = "May name secrets."  # noqa: S105 - a sentence about them
_RANGES: Final = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " keys"),
)
_BOUNDS: Final = (
    ("exclusiveMaximum", "below {}"),
    ("multipleOf", "a multiple of {}"),
    ("pattern", "pattern `{}`"),
    ("format", "{}"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """What is told about one field; `default` is JSON, or empty where it goes without saying."""

    name: str
    kind: str
    required: bool
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The fields of one object. The first table has no title, the others the name of a part."""

    title: str
    fields: tuple[Field, ...]
    open: bool
    """Whether the object may have other fields."""


def field_tables(
    schema: Mapping[str, Any], raw: Collection[str] = (), secret: Collection[str] = ()
) -> list[FieldTable]:
    """Return the tables for a schema; `raw` and `secret` are the keys that are marked so."""
    kinds = _Kinds(schema.get("$defs", {}))
    top = kinds.resolved(schema)
    marks = {
        name: [text for text, among in ((_RAW, raw), (_SECRET, secret)) if name in among]
        for name in top.get("properties", {})
    }
    tables = [_table("", top, kinds, marks)]
    # A part names further parts as its own table is made.
    for title, part in kinds.parts():
        tables.append(_table(title, part, kinds, {}))
    return tables


def _table(
    title: str, schema: Mapping[str, Any], kinds: "_Kinds", marks: Mapping[str, list[str]]
) -> FieldTable:
    required = schema.get("required", ())
    fields = tuple(
        Field(
            name=name,
            kind=kinds.of(field),
            required=name in required,
            default=_default(field),
            meaning=" ".join([*field.get("description", "").split(), *marks.get(name, ())]),
        )
        for name, field in schema.get("properties", {}).items()
    )
    return FieldTable(title, fields, schema.get("additionalProperties", True) is not False)


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return "" if value is None else json.dumps(value, ensure_ascii=False)


class _Kinds:
    """Says which values a schema takes, and keeps the parts that it names on the way."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._named: dict[str, Mapping[str, Any]] = {}
        self._open: set[str] = set()

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a reference leads to; other schemas as they are."""
        name = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
        found: Mapping[str, Any] = self._definitions.get(name, {}) if name else schema
        return found

    def parts(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield every part that was named, also those that are named meanwhile."""
        done = 0
        while done < len(self._named):
            yield list(self._named.items())[done]
            done += 1

    def of(self, schema: Mapping[str, Any]) -> str:
        """Say in a few words which values a schema takes."""
        kinds = dict.fromkeys(self._each(schema))
        if "number" in kinds:
            # Every integer is a number.
            kinds.pop("integer", None)
        return " or ".join(kinds) or "any value"

    def _each(self, schema: Mapping[str, Any]) -> Iterator[str]:
        if "$ref" in schema:
            yield from self._referred(str(schema["$ref"]).removeprefix(_REFERENCE))
        elif "enum" in schema:
            yield from (json.dumps(each, ensure_ascii=False) for each in schema["enum"])
        elif "const" in schema:
            yield json.dumps(schema["const"], ensure_ascii=False)
        elif "type" in schema:
            if schema["type"] != "null":
                yield self._typed(schema)
        else:
            for word in ("anyOf", "oneOf", "allOf"):
                for choice in schema.get(word, ()):
                    yield from self._each(choice)

    def _referred(self, name: str) -> Iterator[str]:
        part = self._definitions.get(name, {})
        if "properties" in part:
            self._named.setdefault(name, part)
            yield name
        elif name in self._open:
            # A type that holds itself has no end.
            yield name
        else:
            self._open.add(name)
            yield from self._each(part)
            self._open.discard(name)

    def _typed(self, schema: Mapping[str, Any]) -> str:
        kind = str(schema["type"])
        inner = schema.get("items" if kind == "array" else "additionalProperties")
        limits = ", ".join(_limits(schema))
        said = f"{'list' if kind == 'array' else kind}{f' ({limits})' if limits else ''}"
        if kind in {"array", "object"} and isinstance(inner, dict) and inner:
            held = self.of(inner)
            return f"{said} of {f'({held})' if ' or ' in held else held}"
        return said


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']}"
    for least, most, noun in _RANGES:
        if text := _range(schema.get(least), schema.get(most), noun):
            yield text
    for word, form in _BOUNDS:
        if word in schema:
            yield form.format(schema[word])


def _range(least: float | None, most: float | None, noun: str) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}{noun}"
    if most is not None:
        return f"at most {most}{noun}"
    if least == 1 and noun:
        return "not empty"
    return "" if least is None else f"at least {least}{noun}"
