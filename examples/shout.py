"""A handler in ten lines: `wf run examples/shout.json --plugin examples/shout.py`."""

from wfcore import Handler, handler, hookimpl


@handler
def shout(text: str, marks: int = 1) -> str:
    """Say a text loudly."""
    return text.upper() + "!" * marks


@hookimpl
def wfcore_register_handlers() -> list[Handler]:
    """Register the handler."""
    return [shout]
