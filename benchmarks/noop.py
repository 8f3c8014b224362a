"""The handler of the benchmarks, as a plugin that servers and workers load."""

from typing import Any

from wfcore import handler, hookimpl
from wfcore.plugins.handler import HandlerLike

__all__ = ["noop"]


@handler
async def noop(value: Any = None) -> Any:
    """Return what it was given."""
    return value


@hookimpl
def wfcore_register_handlers() -> list[HandlerLike]:
    """Register it."""
    return [noop]
