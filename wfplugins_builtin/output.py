"""The `output` handler: what an execution gives back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from wfcore import Handler, NodeContext

__all__ = ["Output"]


class Output(Handler):
    """Collect the outputs of the node's dependencies, or give a `value` of one's own making.

    Without `value`, its output is `{dependency: its output}` for every dependency that COMPLETED.
    """

    name = "output"
    gives_result = True
    example: ClassVar[Mapping[str, Any] | None] = {
        "value": "Hello, {{ execution.input.name | default('you') }}!"
    }

    class Config(BaseModel):
        """What is given in place of the dependencies' outputs."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        value: Any = None
        """A template or any JSON value. Given, even as null, the output is
        `{this node's id: value}`."""

    async def run(self, config: Config, context: NodeContext) -> dict[str, Any]:
        if "value" in config.model_fields_set:
            return {context.node: config.value}
        return dict(await context.outputs())
