"""A JSON Schema that a user brought, as plugins check values against one."""

from collections.abc import Mapping
from typing import Any

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.workflow.input import InputValidator, check_schema
from wfcore.workflow.limits import Limits

__all__ = ["UserSchema"]


class UserSchema:
    """A JSON Schema (draft 2020-12) from an untrusted hand, safe to check values against.

    It resolves nothing outside itself, matches patterns in linear time, and is refused where a
    small value could make it explode. Raises `DocumentRefused`, with pointers that begin at `at`.
    """

    def __init__(self, schema: Mapping[str, Any], at: str = "") -> None:
        limits = Limits()
        problems = check_schema(schema, at, limits)
        if problems:
            raise DocumentRefused(problems)
        self._validator = InputValidator(schema, limits)

    def problems(self, value: Any, at: str = "") -> list[Problem]:
        """Return what is wrong with a JSON value; pointers begin at `at`."""
        return self._validator.problems(value, at)
