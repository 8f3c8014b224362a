"""What plugins put around each run of a handler, called from the outermost to the handler."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler
from wfcore.plugins.hookspecs import CallNext, Middleware
from wfcore.plugins.output import output_object

__all__ = ["through"]


async def through(
    middlewares: Sequence[Middleware], handler: Handler, context: NodeContext, run: CallNext
) -> dict[str, Any]:
    """Return the output that comes out at the outer end; what was changed on the way is checked."""
    given: list[dict[str, Any]] = []

    async def innermost() -> dict[str, Any]:
        output = await run()
        # A copy: a middleware may change in place what it gets.
        given.append(deepcopy(output))
        return output

    call: CallNext = innermost
    for middleware in reversed(middlewares):
        call = partial(_through, middleware, handler, context, call)
    output = await call()
    # What the handler gave has been checked, and may not pass twice where names have aliases.
    return output if output in given else output_object(handler, output)


async def _through(
    middleware: Middleware, handler: Handler, context: NodeContext, call: CallNext
) -> dict[str, Any]:
    """Return what a middleware gives to the one around it: a JSON object, as of a handler."""
    output = await middleware(context, call)
    return output if isinstance(output, dict) else output_object(handler, output)
