"""From a node's rendered config to what its handler gets: an instance of its `Config`."""

from typing import Any

from pydantic import BaseModel, ValidationError

from wfcore.errors import NodeError
from wfcore.plugins.handler import Handler

__all__ = ["config_of"]


def config_of(handler: Handler, rendered: Any) -> BaseModel:
    """Return the config of one attempt.

    Raises:
        NodeError: `InvalidConfig`, not retryable.

    """
    try:
        return handler.Config.model_validate(rendered)
    except ValidationError as error:
        wrong = [
            f"/{'/'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        message = f"the rendered config does not fit {handler.name}: {'; '.join(wrong[:5])}"
        raise NodeError("InvalidConfig", message) from error
