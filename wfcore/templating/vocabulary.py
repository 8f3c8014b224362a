"""The words that templates may use: filters, tests, functions and values, ours and plugins'."""

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from wfcore.errors import PluginError
from wfcore.templating.failure import OverBudget, RenderError
from wfcore.templating.frame import Frame
from wfcore.templating.text import measure
from wfcore.workflow.names import RESERVED

__all__ = ["Ability", "Kind", "Vocabulary", "built_in"]

Kind: TypeAlias = Literal["filter", "test", "function"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Ability:
    """One filter, test or function.

    Ours are called with the frame first, for its budget. A plugin's is called with JSON values
    alone, and what it gives must be one.
    """

    kind: Kind
    name: str
    function: Callable[..., Any]
    signature: inspect.Signature | None
    """Of the arguments in brackets; None: not known before the call."""
    light: bool
    """Its cost is small whatever the data: rendering it needs no thread."""
    foreign: bool = False
    """A plugin's."""
    bare: bool = False
    """It can do without arguments."""

    def call(self, frame: Frame, *arguments: Any, **named: Any) -> Any:
        """Apply it; whatever goes wrong is a `RenderError` that names it."""
        frame.budget.spend(1)
        if self.foreign:
            return self._call_foreign(frame, *arguments, **named)
        try:
            return self.function(frame, *arguments, **named)
        except OverBudget:
            raise
        except RenderError as error:
            message = f"the {self.kind} `{self.name}` failed: {error.message}"
            raise RenderError(message, path=error.details["path"]) from error
        except (TypeError, ValueError, ArithmeticError) as error:
            raise RenderError(f"the {self.kind} `{self.name}` failed: {error}") from error

    def _call_foreign(self, frame: Frame, *arguments: Any, **named: Any) -> Any:
        try:
            result = self.function(*arguments, **named)
            measure(result, frame.budget)
        except Exception as error:  # a plugin's code may raise anything
            reason = error.message if isinstance(error, RenderError) else repr(error)
            raise RenderError(f"the {self.kind} `{self.name}` failed: {reason}") from error
        return result

    def misuse(self, count: int, names: Collection[str]) -> str | None:
        """Return what is wrong with so many arguments and these named ones, if anything is."""
        if self.signature is None or (self.bare and not count and not names):
            return None
        try:
            self.signature.bind(*[None] * count, **dict.fromkeys(names))
        except TypeError as error:
            return str(error)
        return None

    def parameters(self) -> list[str]:
        """Return the names under which arguments can be given."""
        if self.signature is None:
            return []
        return [p.name for p in self.signature.parameters.values() if p.kind in _KEYWORD]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that templates of one engine can name besides data."""

    filters: Mapping[str, Ability]
    tests: Mapping[str, Ability]
    functions: Mapping[str, Ability]
    values: Mapping[str, Any]

    def with_plugins(
        self,
        filters: Mapping[str, Callable[..., Any]],
        tests: Mapping[str, Callable[..., Any]],
        globals_: Mapping[str, Any],
    ) -> "Vocabulary":
        """Return this vocabulary with plugins' words; raises `PluginError`."""
        functions = {name: value for name, value in globals_.items() if callable(value)}
        values = {name: value for name, value in globals_.items() if name not in functions}
        return Vocabulary(
            filters={**self.filters, **_adopt("filter", filters, self.filters)},
            tests={**self.tests, **_adopt("test", tests, self.tests)},
            functions={**self.functions, **_adopt("function", functions, self.functions)},
            values={**self.values, **_adopt_values(values, self.functions)},
        )


def built_in(
    kind: Kind, functions: Mapping[str, Callable[..., Any]], light: frozenset[str]
) -> dict[str, Ability]:
    """Return our own abilities; each function takes the frame, then the value, then arguments."""
    skipped = 1 if kind == "function" else 2
    abilities = {}
    for name, function in functions.items():
        signature = _signature(function, skipped)
        abilities[name] = Ability(
            kind, name, function, signature, name in light, bare=_is_bare(signature)
        )
    return abilities


def _adopt(
    kind: Kind, functions: Mapping[str, Callable[..., Any]], taken: Mapping[str, Ability]
) -> dict[str, Ability]:
    adopted = {}
    for name, function in functions.items():
        _check_name(kind, name, taken)
        if hasattr(function, "jinja_pass_arg"):
            raise PluginError(f"the {kind} {name!r} asks for Jinja's context, which is not given")
        if inspect.iscoroutinefunction(function):
            raise PluginError(f"the {kind} {name!r} is async; templates are rendered synchronously")
        skipped = 0 if kind == "function" else 1
        signature = _signature(function, skipped)
        adopted[name] = Ability(kind, name, function, signature, light=False, foreign=True)
    return adopted


def _adopt_values(values: Mapping[str, Any], taken: Mapping[str, Ability]) -> dict[str, Any]:
    adopted = {}
    for name, value in values.items():
        _check_name("global", name, taken)
        try:
            adopted[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise PluginError(f"the global {name!r} is no JSON value: {error}") from error
    return adopted


def _check_name(kind: str, name: str, taken: Mapping[str, Any]) -> None:
    if not name.isidentifier() or name in RESERVED:
        raise PluginError(f"{name!r} cannot be the name of a {kind} in templates")
    if name in taken:
        raise PluginError(f"the {kind} {name!r} is built in and cannot be replaced")


def _is_bare(signature: inspect.Signature | None) -> bool:
    return signature is not None and all(
        parameter.default is not parameter.empty or parameter.kind in _VARIADIC
        for parameter in signature.parameters.values()
    )


def _signature(function: Callable[..., Any], skipped: int) -> inspect.Signature | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        return None
    for _ in range(skipped):
        if parameters and parameters[0].kind in _POSITIONAL:
            del parameters[0]
    return inspect.Signature(parameters)
