"""Structured output: from a model's text to an object of the shape that was asked for."""

import json
import re
from typing import Any

from wfcore import UserSchema

__all__ = ["Misshapen", "structured"]

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL | re.IGNORECASE)
_MOST_TOLD = 10


class Misshapen(Exception):
    """The text is no object of the shape asked for; the message tells the model what is wrong."""


def structured(text: str, schema: UserSchema) -> Any:
    """Return the object that an answer holds, bare or in a fenced block.

    Raises:
        Misshapen: it is no JSON, or does not fit the schema.

    """
    fenced = _FENCED.fullmatch(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Misshapen(f"it is not valid JSON: {error}") from None
    problems = [str(problem) for problem in schema.problems(value)]
    if problems:
        told = "; ".join(problems[:_MOST_TOLD])
        raise Misshapen(f"it does not fit the schema: {told}")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
