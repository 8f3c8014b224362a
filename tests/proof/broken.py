"""A handler whose model is at fault."""

from typing import Any

from pydantic import BaseModel, field_validator

from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler


class Clumsy(Handler):
    name = "clumsy"

    class Config(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def looks_up(cls, x: int) -> int:
            return {2: 2}[x]

    def run(self, config: Any, context: NodeContext) -> Any:
        raise NotImplementedError
