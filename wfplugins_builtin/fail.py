"""The `fail` handler: an end that the document decides on."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from wfcore import Handler, NodeContext, NodeError
from wfplugins_builtin.text import Text

__all__ = ["Fail"]


class Fail(Handler):
    """Fail with an error of one's own: with `when`, where something is not as it should be."""

    name = "fail"
    example: ClassVar[Mapping[str, Any] | None] = {
        "type": "TooExpensive",
        "message": "{{ execution.name }} costs too much",
    }

    class Config(BaseModel):
        """The error."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        message: Annotated[Text, Field(min_length=1)]
        """One sentence for whoever reads it; what is no text is written as JSON."""
        type: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")] = (
            "Failed"
        )
        """One word, for `retry_on` and for templates."""
        retryable: bool = False
        """Whether the node's `retry` may try it again."""
        details: Any = None
        """Any JSON value that helps."""

    class Output(BaseModel):
        """Nothing: it never completes."""

    async def run(self, config: Config, context: NodeContext) -> NoReturn:  # noqa: ARG002 - the contract's
        raise NodeError(
            config.type, config.message, retryable=config.retryable, details=config.details
        )
