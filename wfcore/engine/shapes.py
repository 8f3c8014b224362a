"""What a JSON Schema says about a path into the values that it describes.

Only what a schema rules out is told: wherever it leaves a door open, the path may exist.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = ["Lack", "Shape", "lack"]

_MOST_ALTERNATIVES: Final = 100
# With one of these beside them, the other keywords do not tell the whole.
_INVOLVED: Final = frozenset(
    {"if", "not", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef"}
)
_STRUCTURAL: Final = frozenset(
    {"properties", "patternProperties", "additionalProperties", "items", "prefixItems", "type"}
)
_SELECTORS: Final = ("$ref", "anyOf", "oneOf", "allOf")


class Shape(NamedTuple):
    """A subschema, with the schema in which its references are looked up."""

    root: Mapping[str, Any]
    schema: Any


@dataclass(frozen=True, slots=True)
class Lack:
    """A path cannot exist: after `depth` steps there is nothing but `names` to go on to."""

    depth: int
    names: tuple[str, ...]


class _OpenDoor(Exception):
    """The schema does not rule the path out."""


def lack(shape: Shape, steps: Sequence[str | int]) -> Lack | None:
    """Return where a path ends early in every value of the shape; None: it may exist."""
    shapes = [shape]
    try:
        for depth, step in enumerate(steps):
            names: dict[str, None] = {}
            following: list[Shape] = []
            for each in _alternatives(shapes):
                following.extend(_after(each, step, names))
            if not following:
                return Lack(depth, tuple(names))
            shapes = following
    except _OpenDoor:
        return None
    return None


def _alternatives(shapes: Sequence[Shape]) -> Iterator[Shape]:
    """Yield what values of these shapes can be, without `$ref`, `anyOf` and their like."""
    waiting = list(shapes)
    for count, shape in enumerate(waiting):  # grows as it is read
        if count > _MOST_ALTERNATIVES:
            raise _OpenDoor
        schema = shape.schema
        if schema is False:
            continue
        if not isinstance(schema, dict) or not _INVOLVED.isdisjoint(schema):
            raise _OpenDoor
        selectors = [word for word in _SELECTORS if word in schema]
        if not selectors:
            yield shape
        elif len(selectors) > 1 or not _STRUCTURAL.isdisjoint(schema):
            raise _OpenDoor
        else:
            waiting.extend(_selected(shape.root, selectors[0], schema[selectors[0]]))


def _selected(root: Mapping[str, Any], selector: str, value: Any) -> list[Shape]:
    if selector == "$ref":
        return [Shape(root, _resolve(root, value))]
    if not isinstance(value, list) or (selector == "allOf" and len(value) != 1):
        raise _OpenDoor
    return [Shape(root, each) for each in value]


def _resolve(root: Mapping[str, Any], reference: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise _OpenDoor
    found: Any = root
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise _OpenDoor
        found = found[name]
    if reference != "#" and found is root:
        raise _OpenDoor
    return found


def _after(shape: Shape, step: str | int, names: dict[str, None]) -> list[Shape]:
    """Return the shapes that a value can have after one more step."""
    schema = shape.schema
    types = schema.get("type")
    if types is None:
        types = _implied(schema)
    found: list[Any] = []
    for kind in [types] if isinstance(types, str) else types:
        if kind == "object":
            names.update(dict.fromkeys(_mapping(schema, "properties")))
            if isinstance(step, str):
                found.append(_property(schema, step))
        elif kind == "array" and isinstance(step, int):
            found.append(_item(schema, step))
        elif kind == "string" and isinstance(step, int):
            found.append({"type": "string"})
    return [Shape(shape.root, each) for each in found if each is not False]


def _implied(schema: Mapping[str, Any]) -> str:
    """Return the type that a closed object has although it does not say so."""
    if schema.get("additionalProperties") is False and "properties" in schema:
        return "object"
    raise _OpenDoor


def _property(schema: Mapping[str, Any], name: str) -> Any:
    properties = _mapping(schema, "properties")
    if name in properties:
        return properties[name]
    if "patternProperties" in schema:
        raise _OpenDoor
    return schema.get("additionalProperties", True)


def _item(schema: Mapping[str, Any], index: int) -> Any:
    first = schema.get("prefixItems")
    if isinstance(first, list) and first:
        if index < 0:
            raise _OpenDoor
        if index < len(first):
            return first[index]
    return schema.get("items", True)


def _mapping(schema: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    value = schema.get(word, {})
    if not isinstance(value, dict):
        raise _OpenDoor
    return value
