"""The JSON Schema of a handler's config as it stands in a document, with templates in it.

Wherever a value is expected a template may stand for it, except in what is marked `Raw`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel

from wfcore.plugins.handler import raw_keys
from wfcore.plugins.keys import field_aliases, takes_other_keys
from wfcore.workflow.described import described_schema

__all__ = ["TEMPLATE", "config_schema", "templated_definitions"]

TEMPLATE: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r"\{\{|\{%|\{#",
    "description": "A template, such as {{ node.output.field }}.",
}
"""What `#/$defs/template` has to be where `templated_definitions` are used."""

_REFERENCE: Final = "#/$defs/"
_TEMPLATE: Final = {"$ref": f"{_REFERENCE}template"}
_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
_BY_NAME: Final = frozenset({"properties", "patternProperties"})
_ONE_BELOW: Final = frozenset({"items", "additionalProperties", "contains"})


@lru_cache(maxsize=1024)
def config_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a Config, in which unknown keys are refused as the engine does.

    It is shared: do not change it.
    """
    schema = described_schema(model)
    top, holder = _object_of(schema)
    if "properties" not in top:
        return schema
    top = dict(top)
    _take_other_names(model, top)
    if not takes_other_keys(model):
        top["additionalProperties"] = False
    if holder is None:
        return top
    return {**schema, "$defs": {**schema["$defs"], holder: top}}


@lru_cache(maxsize=1024)
def templated_definitions(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Return the definitions that a document's schema needs for a Config: `name`, and its parts.

    They are shared: do not change them.
    """
    schema = config_schema(model)
    raw = raw_keys(model)
    parts = schema.get("$defs", {})
    found: dict[str, Any] = {}
    templated, plain = _Copier(f"{name}:", True), _Copier(f"{name}:raw:", False)
    top, holder = _object_of(schema)
    copied = templated.within({key: value for key, value in top.items() if key != "$defs"})
    for key in raw & copied.get("properties", {}).keys():
        copied["properties"][key] = plain.within(top["properties"][key])
    found[name] = copied if holder is None else templated.within({"$ref": schema["$ref"]})
    for part, each in parts.items():
        found[f"{name}:{part}"] = copied if part == holder else templated.within(each)
        if raw:
            found[f"{name}:raw:{part}"] = plain.within(each)
    return found


def _object_of(schema: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the schema of the object itself, and its name where it is among the definitions."""
    holder = schema.get("$ref", "").removeprefix(_REFERENCE)
    return (schema["$defs"][holder], holder) if holder else (schema, None)


def _take_other_names(model: type[BaseModel], top: dict[str, Any]) -> None:
    """Let a field go by each of its names: pydantic's schema knows only the first."""
    properties = top["properties"] = dict(top["properties"])
    required = list(top.get("required", ()))
    choices: list[dict[str, Any]] = []
    settings = model.model_config
    by_name = settings.get("populate_by_name") or settings.get("validate_by_name")
    for name, field in model.model_fields.items():
        names = [*field_aliases(field), *([name] if by_name else [])]
        known = [each for each in names if each in properties]
        if len(names) < 2 or not known:
            continue
        for each in names:
            properties.setdefault(each, properties[known[0]])
        if known[0] in required:
            required.remove(known[0])
            choices.append({"anyOf": [{"required": [each]} for each in names]})
    if choices:
        top["required"] = required
        top["allOf"] = choices


class _Copier:
    """Copies schemas into the document's, where their definitions have longer names."""

    def __init__(self, prefix: str, templates: bool) -> None:
        self._prefix = prefix
        self._templates = templates

    def within(self, schema: Any) -> Any:
        """Copy a schema; templates may stand for what is inside its values."""
        if not isinstance(schema, dict):
            return schema
        copied: dict[str, Any] = {}
        for word, value in schema.items():
            if word == "$ref":
                copied[word] = f"{_REFERENCE}{self._prefix}{value.removeprefix(_REFERENCE)}"
            elif word in _BY_NAME:
                copied[word] = {name: self._value(each) for name, each in value.items()}
            elif word in _ONE_BELOW:
                copied[word] = self._value(value)
            elif word == "prefixItems":
                copied[word] = [self._value(each) for each in value]
            elif word in {"anyOf", "allOf"}:
                copied[word] = [self.within(each) for each in value]
            elif word == "oneOf":
                # With a template in the place of what tells them apart, several may fit.
                copied["anyOf" if self._templates else word] = [self.within(each) for each in value]
            elif word not in {"title", "discriminator"}:
                copied[word] = value
        return copied

    def _value(self, schema: Any) -> Any:
        """Copy the schema of a value for which a template may stand."""
        copied = self.within(schema)
        if not self._templates or not isinstance(schema, dict) or _takes_any_string(copied):
            return copied
        around = {word: value for word, value in copied.items() if word in _ANNOTATIONS}
        rule = {word: value for word, value in copied.items() if word not in _ANNOTATIONS}
        choices = rule["anyOf"] if rule.keys() == {"anyOf"} else [rule]
        return {**around, "anyOf": [*choices, _TEMPLATE]}


def _takes_any_string(schema: dict[str, Any]) -> bool:
    rule = {word: value for word, value in schema.items() if word not in _ANNOTATIONS}
    if not rule or rule == {"type": "string"}:
        return True
    return rule.keys() == {"anyOf"} and any(map(_takes_any_string, rule["anyOf"]))
