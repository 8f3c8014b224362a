"""How durations, counts and foreign texts are written for people."""

import re
from typing import Final

__all__ = ["counted", "duration", "one_line", "printable", "rate"]

# A terminal obeys these wherever they come from; text from a document or a service must not steer.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LONGEST_LINE: Final = 300


def duration(milliseconds: float) -> str:
    """Write a duration: `12 ms`, `1.24 s`, `3 min 05 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes} min {seconds:02} s"


def counted(number: int, noun: str) -> str:
    """Write a count: `1 node`, `20,000 nodes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def rate(number: int, milliseconds: float) -> str:
    """Write how many nodes a second that is."""
    return f"{number * 1000 / max(milliseconds, 1):,.0f} nodes/s"


def printable(text: str) -> str:
    """Return a text with its control characters made visible; line ends and tabs stay."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def one_line(text: str) -> str:
    """Return a text as one printable line of bounded length."""
    line = " ".join(printable(text[: 2 * _LONGEST_LINE]).split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
