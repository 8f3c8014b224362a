"""A plugin with settings of its own, a middleware around its handler, and a node put off."""

import os
from typing import Any

from pydantic import BaseModel, SecretStr

from wfcore import (
    CallNext,
    Deferred,
    Handler,
    Middleware,
    NodeContext,
    handler,
    hookimpl,
)


class PacedSettings(BaseModel):
    word: str = "unset"
    token: SecretStr | None = None


@hookimpl
def wfcore_register_settings() -> type[BaseModel]:
    return PacedSettings


@hookimpl
def wfcore_register_handlers(settings: PacedSettings) -> list[Handler]:
    @handler
    def told(context: NodeContext) -> dict[str, Any]:
        """Tell what it was set to, where."""
        token = settings.token.get_secret_value() if settings.token else ""
        return {"word": settings.word, "length": len(token), "pid": os.getpid()}

    @handler
    async def later(context: NodeContext) -> int:
        """Put itself off once."""
        if context.attempt == 1:
            raise Deferred(0.1, "too early")
        return context.attempt

    return [told, later]


@hookimpl
def wfcore_register_middlewares() -> list[Middleware]:
    async def marked(context: NodeContext, call_next: CallNext) -> dict[str, Any]:
        output = await call_next()
        return output | {"through": os.getpid()} if context.handler == "told" else output

    return [marked]
