"""A whole config with its templates read: any JSON value, rendered as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.scope import Scope
from wfcore.templating.template import Template
from wfcore.templating.text import detach
from wfcore.workflow.source import JSONValue

__all__ = ["Compiled", "Part", "array", "fixed", "object_", "slot"]

Part: TypeAlias = Callable[[Mapping[str, Any], Budget], Any]
"""Gives one part of the rendered value."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Compiled:
    """What `Templating.compile` and `Templating.expression` give.

    Any number of threads may render it at once; every rendering gives a value of its own.
    """

    references: tuple[tuple[str, Reference], ...]
    """Every path that a template in it names, with the pointer of the string that holds it."""
    literal: bool
    """No template is in it."""
    heavy: bool
    """Rendering it may take long: not on an event loop."""
    templated: frozenset[str]
    """Pointers, from the value, of the strings that are templates."""
    part: Part
    limits: TemplateLimits

    def render(self, scope: Scope) -> JSONValue:
        """Return the value with every template replaced by what it gives.

        Raises `RenderError` for the first that cannot be rendered.
        """
        rendered: JSONValue = self.part(scope.names, Budget(self.limits))
        return rendered


def fixed(value: JSONValue) -> Part:
    """Give a value without templates."""
    if isinstance(value, dict | list):
        return lambda _names, _budget: _copy(value)
    return lambda _names, _budget: value


def slot(pointer: str, template: Template) -> Part:
    """Give the value of a template; its errors name its place."""
    value_of = template.value

    def part(names: Mapping[str, Any], budget: Budget) -> Any:
        try:
            return detach(value_of(names, budget), budget)
        except RenderError as error:
            raise error.at(pointer) from error

    return part


def object_(parts: Mapping[str, Part]) -> Part:
    """Give an object."""
    pairs = tuple(parts.items())
    return lambda names, budget: {key: part(names, budget) for key, part in pairs}


def array(parts: list[Part]) -> Part:
    """Give a list."""
    return lambda names, budget: [part(names, budget) for part in parts]


def _copy(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
