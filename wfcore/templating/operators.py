"""What operators do to JSON values: numbers stay 64-bit integers or finite, texts bounded."""

import operator
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from jinja2 import nodes

from wfcore.templating.access import describe
from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError
from wfcore.templating.text import measure

__all__ = ["BINARY", "COMPARISONS", "UNARY", "add", "compare_cost", "number"]

_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1
_LARGEST_EXPONENT: Final = 64


def number(value: Any) -> int | float:
    """Return a result that JSON can carry; refuse any other."""
    if isinstance(value, int) and _LOWEST <= value <= _HIGHEST:
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, int | float):
        raise RenderError("a number is too large")
    raise RenderError("the result is no real number")


def add(budget: Budget, left: Any, right: Any) -> Any:
    """Add numbers, or join two texts or two lists."""
    if isinstance(left, str) and isinstance(right, str):
        budget.room(len(left) + len(right))
        return budget.made(left + right)
    if isinstance(left, list) and isinstance(right, list):
        return _listed(budget, left, right, 1)
    return _calculate("+", operator.add, left, right)


def _subtract(_budget: Budget, left: Any, right: Any) -> Any:
    return _calculate("-", operator.sub, left, right)


def _multiply(budget: Budget, left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, str | list):
        left, right = right, left
    if isinstance(left, str) and isinstance(right, int):
        budget.room(len(left) * right)
        return budget.made(left * right)
    if isinstance(left, list) and isinstance(right, int):
        return _listed(budget, left, [], right)
    return _calculate("*", operator.mul, left, right)


def _divide(_budget: Budget, left: Any, right: Any) -> Any:
    return _calculate("/", operator.truediv, left, right)


def _divide_whole(_budget: Budget, left: Any, right: Any) -> Any:
    return _calculate("//", operator.floordiv, left, right)


def _remainder(_budget: Budget, left: Any, right: Any) -> Any:
    return _calculate("%", operator.mod, left, right)


def _power(_budget: Budget, left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        left, right = number(left), number(right)
        if abs(left) > 1 and abs(right) > _LARGEST_EXPONENT:
            raise RenderError("a number is too large")
    return _calculate("**", operator.pow, left, right)


def _calculate(symbol: str, function: Callable[..., Any], *operands: Any) -> Any:
    if not all(isinstance(operand, int | float) for operand in operands):
        kinds = " and ".join(map(describe, operands))
        raise RenderError(f"`{symbol}` cannot be applied to {kinds}")
    try:
        return number(function(*map(number, operands)))
    except ZeroDivisionError as error:
        raise RenderError("division by zero") from error
    except OverflowError as error:
        raise RenderError("a number is too large") from error


def _listed(budget: Budget, left: list[Any], right: list[Any], times: int) -> list[Any]:
    length = len(left) * max(times, 0) + len(right)
    budget.spend(length)
    budget.allocate(64 + 8 * length)
    return left * times + right


def compare_cost(budget: Budget, value: Any) -> None:
    """Take what a comparison with this value may cost.

    Comparing is one call that nothing can stop, and lists that share their parts are compared part
    by part: what is too large to be written is too large to be compared.
    """
    if isinstance(value, str):
        budget.spend(1 + (len(value) >> 8))
    elif isinstance(value, list | dict):
        budget.room(measure(value, budget))


def _ordered(symbol: str, function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        for kind in (int | float, str, list):
            if isinstance(left, kind) and isinstance(right, kind):
                try:
                    return function(left, right)
                except TypeError as error:
                    raise RenderError(f"`{symbol}` cannot compare these lists: {error}") from error
        raise RenderError(f"`{symbol}` cannot compare {describe(left)} with {describe(right)}")

    return compare


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, list):
        return item in container
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    if isinstance(container, dict):
        return isinstance(item, str) and item in container
    raise RenderError(f"`in` cannot look for {describe(item)} in {describe(container)}")


def _lacks(item: Any, container: Any) -> bool:
    return not _contains(item, container)


def _negative(value: Any) -> Any:
    return _calculate("-", operator.neg, value)


def _positive(value: Any) -> Any:
    return _calculate("+", operator.pos, value)


BINARY: Final[Mapping[type[nodes.Node], Callable[[Budget, Any, Any], Any]]] = {
    nodes.Add: add,
    nodes.Sub: _subtract,
    nodes.Mul: _multiply,
    nodes.Div: _divide,
    nodes.FloorDiv: _divide_whole,
    nodes.Mod: _remainder,
    nodes.Pow: _power,
}

UNARY: Final[Mapping[type[nodes.Node], Callable[[Any], Any]]] = {
    nodes.Not: operator.not_,
    nodes.Neg: _negative,
    nodes.Pos: _positive,
}

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": _ordered("<", operator.lt),
    "lteq": _ordered("<=", operator.le),
    "gt": _ordered(">", operator.gt),
    "gteq": _ordered(">=", operator.ge),
    "in": _contains,
    "notin": _lacks,
}
