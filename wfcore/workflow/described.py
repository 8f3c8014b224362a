"""The JSON Schema of a model for those who write its values: every field says what it means.

Pydantic itself reads the strings under fields only as each class is made, which every start would
pay for.
"""

import ast
import inspect
import textwrap
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import core_schema

__all__ = ["Described", "described_schema", "field_docs"]


@lru_cache(maxsize=1024)
def described_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what the model accepts. It is shared: do not change it.

    A model with parts that JSON Schema cannot tell is any object.
    """
    try:
        return model.model_json_schema(mode="validation", schema_generator=Described)
    except PydanticUserError:
        return {"type": "object"}


@lru_cache(maxsize=1024)
def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return what is written about each field: its `description`, else the string under it.

    A model whose source is not at hand has only descriptions. Shared: do not change it.
    """
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            found.update(_strings_under_fields(kind))
    for name, field in model.model_fields.items():
        if field.description:
            found[name] = field.description
    return {name: found[name] for name in model.model_fields if name in found}


class Described(GenerateJsonSchema):
    """Puts what is written about each field into the schema."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - pydantic's own
        "skipped-choice",
        "non-serializable-default",
    }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        properties = made.get("properties", {})
        for name, text in field_docs(model).items():
            key = name if name in properties else model.model_fields[name].alias
            if key in properties:
                properties[key].setdefault("description", text)
        return made


def _strings_under_fields(kind: type[BaseModel]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, below in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            text = below.value.value
            if isinstance(text, str):
                found[field.target.id] = " ".join(text.split())
    return found
