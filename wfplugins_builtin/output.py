"""The `output` handler: what an execution gives back."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from wfcore import Handler, NodeContext

__all__ = ["Output"]


class Output(Handler):
    """Collect the outputs of the node's dependencies, or give a `value` of one's own making.

    Its output becomes part of the execution's aggregated results.
    """

    name = "output"
    gives_result = True

    class Config(BaseModel):
        """Without `value`: `{dependency: its output}` for every dependency that completed."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        value: Any = None
        """Given, even as null, the output is `{this node's id: value}`."""

    async def run(self, config: Config, context: NodeContext) -> dict[str, Any]:
        if "value" in config.model_fields_set:
            return {context.node: config.value}
        return dict(await context.outputs())
