"""From what a handler returned to a node's output: always a JSON object."""

from collections.abc import Mapping
from inspect import isawaitable, iscoroutine
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from wfcore.errors import NodeError
from wfcore.plugins.handler import Handler

__all__ = ["output_object"]


def output_object(handler: Handler, returned: Any) -> dict[str, Any]:
    """Return the output object for what the handler's `run` returned.

    Where the handler declares an `Output`, the object is what that model makes of it. Values
    inside a plain dict are handed on unread: whoever encodes it finds what is not JSON.

    Raises:
        NodeError: `InvalidOutput`, not retryable.

    """
    if isawaitable(returned):
        if iscoroutine(returned):
            returned.close()
        raise _invalid(handler, "a coroutine: is an `async def` hidden behind a decorator?")
    if handler.Output is not None:
        return _dumped(handler, _validated(handler, handler.Output, returned))
    if isinstance(returned, BaseModel):
        return _dumped(handler, returned)
    return dict(returned) if isinstance(returned, Mapping) else {"value": returned}


def _validated(handler: Handler, model: type[BaseModel], returned: Any) -> BaseModel:
    if isinstance(returned, model):
        return returned
    try:
        return model.model_validate(returned)
    except ValidationError as error:
        raise _invalid(handler, f"no {model.__name__}: {_first(error)}") from error


def _dumped(handler: Handler, model: BaseModel) -> dict[str, Any]:
    try:
        # A RootModel dumps to whatever its root is.
        dumped: Any = model.model_dump(mode="json", by_alias=True, warnings="error")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        message = f"a {type(model).__name__} that is not JSON: {error}"
        raise _invalid(handler, message) from error
    return dumped if isinstance(dumped, dict) else {"value": dumped}


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _invalid(handler: Handler, what: str) -> NodeError:
    return NodeError("InvalidOutput", f"handler {handler.name!r} returned {what}")
