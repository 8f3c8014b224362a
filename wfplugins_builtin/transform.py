"""The `transform` handler: a value made of what is there, for the nodes after it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from wfcore import Handler, NodeContext, Workflow

__all__ = ["Transform"]

_TAGS: Final = ("{{", "{%", "{#")


class Transform(Handler):
    """Give a `value` made with templates: an object as it is, any other under `value`."""

    name = "transform"
    example: ClassVar[Mapping[str, Any] | None] = {
        "value": {"title": "Report of {{ execution.name }}", "pages": [1, 2]}
    }

    class Config(BaseModel):
        """What to give."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        value: Any
        """Any JSON value; the texts in it may be templates."""

    async def run(self, config: Config, context: NodeContext) -> dict[str, Any]:  # noqa: ARG002 - the contract's
        value = config.value
        return value if isinstance(value, dict) else {"value": value}

    @classmethod
    def output_schema(
        cls,
        config: Mapping[str, Any],
        workflow: Workflow,
    ) -> dict[str, Any] | None:
        """Return what the value has by the document: its keys, and the kinds of its parts."""
        # Of another template engine, nobody here knows which texts are templates.
        if "value" not in config or workflow.template_engine != "jinja":
            return None
        shape = _shape(config["value"])
        if not shape:
            # It may be rendered to an object, whose fields are then the output's.
            return None
        return shape if shape["type"] == "object" else _object({"value": shape})


def _shape(value: Any) -> dict[str, Any]:
    """Return the JSON Schema of what a value is rendered to; an empty one where nobody knows."""
    if isinstance(value, dict):
        return _object({key: _shape(part) for key, part in value.items()})
    if isinstance(value, list):
        return {"type": "array", "prefixItems": [_shape(part) for part in value], "items": False}
    if isinstance(value, str):
        return {} if _may_be_anything(value) else {"type": "string"}
    if value is None:
        return {"type": "null"}
    return {"type": "boolean" if isinstance(value, bool) else "number"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _may_be_anything(text: str) -> bool:
    """Whether a text may be one template alone, whose value is of any kind.

    Where something stands before its first tag it is a text, whatever follows.
    """
    return text.lstrip().startswith("{") and any(tag in text for tag in _TAGS)
