"""Text for people, made of what a template gave."""

import json
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

__all__ = ["Text", "as_text"]


def as_text(value: Any) -> str:
    """Return a value as it would stand in running text: what is no text as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


Text: TypeAlias = Annotated[str, BeforeValidator(as_text)]
"""A text; any other value is written as JSON."""
