"""What pydantic found wrong in a JSON value, told with JSON pointers into that value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from wfcore.problems import pointer

__all__ = ["Fault", "faults"]

# Above this, a value is wrong as a whole, and to spell out each error would only cost.
_MOST: Final = 1_000
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of a validation.

    `path` leads to a place that exists in the value; `name` is the field that lacks or that is not
    known there. `union` is the path of the outermost union on the way, of which this is one
    branch's opinion, or None.
    """

    kind: str
    path: tuple[str | int, ...]
    message: str
    name: str = ""
    union: tuple[str | int, ...] | None = None

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer into the value."""
        return pointer(*self.path)

    @property
    def missing(self) -> bool:
        """Whether the required field `name` is not there."""
        return self.kind == "missing"

    @property
    def unknown(self) -> bool:
        """Whether the field `name` should not be there."""
        return self.kind == "extra_forbidden"


def faults(error: ValidationError, value: Any) -> Iterator[Fault]:
    """Yield what is wrong with `value`, in pydantic's order."""
    if error.error_count() > _MOST:
        yield Fault("too_many", (), f"{error.error_count()} values in it are wrong")
        return
    for detail in error.errors(include_url=False):
        yield _fault(detail, value)


def _fault(detail: ErrorDetails, value: Any) -> Fault:
    kind = detail["type"]
    location: Sequence[str | int] = detail["loc"]
    missing = kind == "missing"
    path, union = _resolve(location[:-1] if missing else location, value)
    name = str(location[-1]) if location and (missing or kind == "extra_forbidden") else ""
    return Fault(kind, path, _message(detail, path), name, union)


def _resolve(
    location: Sequence[str | int], value: Any
) -> tuple[tuple[str | int, ...], tuple[str | int, ...] | None]:
    """Follow a location through the value; parts that name a branch of a union lead nowhere."""
    path: list[str | int] = []
    union: tuple[str | int, ...] | None = None
    for part in location:
        if _leads_on(value, part):
            value = value[part]
            path.append(part)
        elif union is None:
            union = tuple(path)
    return tuple(path), union


def _leads_on(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _message(detail: ErrorDetails, path: Sequence[str | int]) -> str:
    kind = detail["type"]
    said = detail["msg"]
    field = str(path[-1]) if path else "the value"
    if kind == "missing":
        return f"{detail['loc'][-1]} is missing"
    if kind == "extra_forbidden":
        return f"{detail['loc'][-1]} is not a known field"
    if kind in ("value_error", "assertion_error"):
        return f"{field}: {said.partition(', ')[2]}"
    if said.startswith("Input should be "):
        return f"{field} should be {said.removeprefix('Input should be ')}{_got(detail)}"
    return f"{field}: {said[:1].lower()}{said[1:]}"


def _got(detail: ErrorDetails) -> str:
    given = detail["input"]
    if isinstance(given, str):
        return f', not "{given[:_SHOWN]}"'
    if isinstance(given, bool) or given is None:
        return f", not {str(given).lower() if given is not None else 'null'}"
    if isinstance(given, int | float):
        return f", not {given}"
    return f", not {'a list' if isinstance(given, list) else 'an object'}"
