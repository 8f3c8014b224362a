"""The tests behind `is`, and the one function."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wfcore.templating.access import Missing, describe
from wfcore.templating.failure import RenderError
from wfcore.templating.frame import Frame
from wfcore.templating.operators import COMPARISONS, compare_cost

__all__ = ["FUNCTIONS", "TESTS"]

_LONGEST_RANGE: Final = 100_000


def _defined(_frame: Frame, value: Any) -> bool:
    return value.__class__ is not Missing


def _undefined(_frame: Frame, value: Any) -> bool:
    return value.__class__ is Missing


def _none(_frame: Frame, value: Any) -> bool:
    return value is None


def _true(_frame: Frame, value: Any) -> bool:
    return value is True


def _false(_frame: Frame, value: Any) -> bool:
    return value is False


def _boolean(_frame: Frame, value: Any) -> bool:
    return isinstance(value, bool)


def _integer(_frame: Frame, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _float(_frame: Frame, value: Any) -> bool:
    return isinstance(value, float)


def _number(_frame: Frame, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _string(_frame: Frame, value: Any) -> bool:
    return isinstance(value, str)


def _mapping(_frame: Frame, value: Any) -> bool:
    return isinstance(value, dict)


def _sequence(_frame: Frame, value: Any) -> bool:
    return isinstance(value, list | dict | str)


def _odd(_frame: Frame, value: Any) -> bool:
    return _whole(value) % 2 == 1


def _even(_frame: Frame, value: Any) -> bool:
    return _whole(value) % 2 == 0


def _divisible(_frame: Frame, value: Any, num: Any) -> bool:
    return _whole(value) % _whole(num) == 0


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise RenderError(f"it takes a whole number, not {describe(value)}")
    return value


def _comparing(name: str) -> Callable[[Frame, Any, Any], bool]:
    compare = COMPARISONS[name]

    def test(frame: Frame, value: Any, other: Any) -> bool:
        compare_cost(frame.budget, value)
        compare_cost(frame.budget, other)
        return compare(value, other)

    return test


def _range(frame: Frame, start: int, stop: int | None = None, step: int = 1) -> list[int]:
    numbers = range(start) if stop is None else range(start, stop, step)
    if len(numbers) > _LONGEST_RANGE:
        raise RenderError(f"it gives more than {_LONGEST_RANGE:,} numbers")
    frame.budget.spend(len(numbers))
    frame.budget.allocate(64 + 40 * len(numbers))
    return list(numbers)


TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "boolean": _boolean,
    "defined": _defined,
    "divisibleby": _divisible,
    "even": _even,
    "false": _false,
    "float": _float,
    "integer": _integer,
    "iterable": _sequence,
    "mapping": _mapping,
    "none": _none,
    "number": _number,
    "odd": _odd,
    "sequence": _sequence,
    "string": _string,
    "true": _true,
    "undefined": _undefined,
    "in": _comparing("in"),
    **dict.fromkeys(("eq", "equalto", "=="), _comparing("eq")),
    **dict.fromkeys(("ne", "!="), _comparing("ne")),
    **dict.fromkeys(("lt", "lessthan", "<"), _comparing("lt")),
    **dict.fromkeys(("le", "<="), _comparing("lteq")),
    **dict.fromkeys(("gt", "greaterthan", ">"), _comparing("gt")),
    **dict.fromkeys(("ge", ">="), _comparing("gteq")),
}

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {"range": _range}
