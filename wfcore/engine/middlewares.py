"""What plugins put around each run of a handler, called from the outermost to the handler."""

from collections.abc import Sequence
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
        given.append(await run())
        return given[-1]

    call: CallNext = innermost
    for middleware in reversed(middlewares):
        call = partial(_checked, middleware, context, call)
    output = await call()
    # What the handler gave has been checked.
    return output if any(output is each for each in given) else output_object(handler, output)


async def _checked(middleware: Middleware, context: NodeContext, call: CallNext) -> dict[str, Any]:
    """Return what a middleware gives to the one around it: a JSON object, whatever it returned."""
    output = await middleware(context, call)
    return output if isinstance(output, dict) else {"value": output}
