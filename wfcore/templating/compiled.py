"""A whole config with its templates read: any JSON value, rendered as one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.scope import Scope
from wfcore.templating.template import Template
from wfcore.templating.text import detach
from wfcore.workflow.source import JSONValue

__all__ = ["Array", "Compiled", "Fixed", "Object", "Part", "Slot"]

Part: TypeAlias = Callable[[Mapping[str, Any], Budget], Any]
"""Gives one part of the rendered value."""


class Compiled(NamedTuple):
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


@dataclass(slots=True, eq=False)
class Fixed:
    """Gives a value without templates."""

    value: JSONValue

    def __call__(self, _names: Mapping[str, Any], _budget: Budget) -> JSONValue:
        return _copy(self.value)


@dataclass(slots=True, eq=False)
class Slot:
    """Gives the value of a template; its errors name its place."""

    pointer: str
    template: Template

    def __call__(self, names: Mapping[str, Any], budget: Budget) -> Any:
        try:
            return detach(self.template.value(names, budget), budget)
        except RenderError as error:
            raise error.at(self.pointer) from error


@dataclass(slots=True, eq=False)
class Object:
    """Gives an object."""

    parts: Mapping[str, Part]

    def __call__(self, names: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
        return {key: part(names, budget) for key, part in self.parts.items()}


@dataclass(slots=True, eq=False)
class Array:
    """Gives a list."""

    parts: Sequence[Part]

    def __call__(self, names: Mapping[str, Any], budget: Budget) -> list[Any]:
        return [part(names, budget) for part in self.parts]


def _copy(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
