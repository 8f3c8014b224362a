"""The `log` handler: a line in the log, beside the node."""

import json
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from wfcore import Handler, NodeContext
from wfplugins_builtin.text import as_text

__all__ = ["Log"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Log(Handler):
    """Write a line into the log, and give its `message` on."""

    name = "log"
    example: ClassVar[Mapping[str, Any] | None] = {
        "message": "begun",
        "level": "info",
        "fields": {"step": 1},
    }

    class Config(BaseModel):
        """The line."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        message: Any
        """A text as it is, any other value as JSON."""
        level: Literal["debug", "info", "warning", "error"] = "info"
        fields: dict[str, Any] = Field(default_factory=dict)
        """Values beside it, written as `name=value`."""

    class Output(BaseModel):
        """The message."""

        message: Any
        """The value, not the text that it was written as."""

    async def run(self, config: Config, context: NodeContext) -> Output:
        line = " ".join([as_text(config.message), *map(_pair, config.fields.items())])
        # In the line for whoever reads it; beside it for what an embedding program collects.
        beside = {"fields": config.fields}
        context.logger.log(_LEVELS[config.level], "%s", line, extra=beside)
        return self.Output(message=config.message)


def _pair(field: tuple[str, Any]) -> str:
    """Write a field as `name=value`, a text in quotes where it would not be one word."""
    name, value = field
    is_word = isinstance(value, str) and value.isprintable() and not set(' "=').intersection(value)
    if isinstance(value, str) and not (value and is_word):
        return f"{name}={json.dumps(value, ensure_ascii=False)}"
    return f"{name}={as_text(value)}"
