"""The handler of the fault tests, for the server, which has to know what workers run."""

from wfcore import NodeContext, handler, hookimpl
from wfcore.plugins.handler import HandlerLike


@handler
async def call(url: str, context: NodeContext) -> str:
    """Tell the ledger that this node runs."""
    raise AssertionError(f"no server runs {context.node} ({url})")


@hookimpl
def wfcore_register_handlers() -> list[HandlerLike]:
    return [call]
