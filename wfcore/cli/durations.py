"""Durations as people type them: `90s`, `15m`, `1h30m`, `7d`; a bare number is seconds."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter

__all__ = ["Duration", "parse_duration"]

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_LONGEST: Final = 100 * 366 * 86_400.0


def parse_duration(text: str) -> float:
    """Return the seconds of a duration; raises `ValueError` that says how it is written."""
    written = text.strip().lower()
    if _NUMBER.fullmatch(written):
        seconds = float(written)
    elif written and not _PART.sub("", written):
        seconds = sum(float(count) * _SECONDS[unit] for count, unit in _PART.findall(written))
    else:
        raise ValueError(f"{text!r} is no duration; write it like 90s, 15m, 1h30m or 7d")
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is too long")
    return seconds


def _convert(_: Any, tokens: Sequence[Any]) -> float:
    return parse_duration(tokens[0].value)


Duration = Annotated[float, Parameter(converter=_convert, n_tokens=1, accepts_keys=False)]
"""A number of seconds that is typed as a duration."""
