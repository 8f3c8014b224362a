"""The `input` handler: the execution's input as a node's output."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from wfcore import Handler, NodeContext, Workflow

__all__ = ["Input"]

_SCALARS = {"array", "boolean", "integer", "null", "number", "string"}


class Input(Handler):
    """Give the execution's input: an object as it is, any other value under `value`.

    Where the workflow has an `input_schema`, references to the output are checked against it when
    the workflow is submitted.
    """

    name = "input"
    example: ClassVar[Mapping[str, Any] | None] = {}

    class Config(BaseModel):
        """Nothing to set: the input comes with the execution."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    async def run(self, config: Config, context: NodeContext) -> dict[str, Any]:  # noqa: ARG002 - the contract's
        value = await context.input()
        return value if isinstance(value, dict) else {"value": value}

    @classmethod
    def output_schema(
        cls,
        config: Mapping[str, Any],  # noqa: ARG003 - the contract's
        workflow: Workflow,
    ) -> dict[str, Any] | None:
        """Return the workflow's `input_schema`, or what stands around the value it describes."""
        schema = workflow.input_schema
        kind = schema.get("type") if schema else None
        if kind == "object":
            return schema
        if isinstance(kind, str) and kind in _SCALARS:
            # Only the type: a `$ref` further down would point nowhere from its new place.
            return {
                "type": "object",
                "properties": {"value": {"type": kind}},
                "required": ["value"],
                "additionalProperties": False,
            }
        return None
