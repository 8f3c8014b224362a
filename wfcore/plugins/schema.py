"""The JSON Schemas of an output model: to check references by, and to be read."""

from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from wfcore.workflow.described import Described

__all__ = ["closed_schema", "output_schema"]


@lru_cache(maxsize=1024)
def closed_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what the model is dumped to, in which objects have no other fields.

    A model that keeps extra fields (`extra="allow"`) stays open. The result is shared: do not
    change it.
    """
    return model.model_json_schema(mode="serialization", schema_generator=_Closed)


@lru_cache(maxsize=1024)
def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the same with what the model says about its fields. It is shared: do not change it."""
    return model.model_json_schema(mode="serialization", schema_generator=_ClosedAndDescribed)


class _Closed(GenerateJsonSchema):
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _close(super().model_schema(schema))

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return _close(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return _close(super().typed_dict_schema(schema))


class _ClosedAndDescribed(Described, _Closed):
    pass


def _close(schema: JsonSchemaValue) -> JsonSchemaValue:
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema
