"""The handler of the DAG that `examples/lanes.py` writes: one more than the node before."""

from wfcore import Handler, handler, hookimpl


@handler
async def plus_one(number: int) -> int:
    """Add one."""
    return number + 1


@hookimpl
def wfcore_register_handlers() -> list[Handler]:
    """Register the handler."""
    return [plus_one]
