"""The sums of what an attempt used, as `NodeContext.meter` adds to them."""

import math
from typing import Any, Final

__all__ = ["add_to_meter"]

_MOST: Final = 20


def add_to_meter(meters: dict[str, float], name: str, amount: Any) -> float:
    """Add to the sum of this name, and return the amount as a plain number.

    Raises:
        ValueError: the amount or its sum is no finite number, or there are too many names.

    """
    if name not in meters and len(meters) >= _MOST:
        raise ValueError(f"an attempt has up to {_MOST} meters; {name!r} is one more")
    number = _number(name, amount)
    total = meters.get(name, 0) + number
    if not math.isfinite(total):
        raise ValueError(f"{amount} is no amount of {name!r}: the sum is no number")
    meters[name] = total
    return number


def _number(name: str, amount: Any) -> float:
    """Return an amount as a plain number: what else can be one is no number to every store."""
    try:
        number = float(amount)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{amount} is no amount of {name!r}")
    return amount if type(amount) is int else number
