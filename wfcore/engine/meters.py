"""What an attempt used, by name: sums of plain numbers, so many as every store can keep."""

import math
from typing import Any, Final

from wfcore.engine.failure import storable_text

__all__ = ["add_to_meter"]

_METERS: Final = 20
_METER_LENGTH: Final = 100


def add_to_meter(meters: dict[str, float], name: str, amount: float) -> None:
    """Add to one of an attempt's meters.

    Raises:
        ValueError: the amount or its sum is no finite number, or the attempt has its 20 meters.

    """
    name = storable_text(name, _METER_LENGTH)
    if name not in meters and len(meters) >= _METERS:
        raise ValueError(f"an attempt has up to {_METERS} meters; {name!r} is one more")
    total = meters.get(name, 0) + _number(name, amount)
    if not math.isfinite(total):
        raise ValueError(f"{amount} is no amount of {name!r}: the sum is no number")
    meters[name] = total


def _number(name: str, amount: Any) -> float:
    """Return an amount as a plain number: what else can be one is no number to every store."""
    try:
        number = float(amount)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{amount} is no amount of {name!r}")
    return amount if type(amount) is int else number
