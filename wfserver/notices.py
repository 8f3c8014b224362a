"""The `Wf-Notice` header: what handlers want a reader of the results to know."""

from collections.abc import Iterable
from typing import Final

__all__ = ["NOTICE", "notice_lines"]

NOTICE: Final = "Wf-Notice"

# Proxies and clients accept about 8 KiB of headers in all.
_MOST_BYTES: Final = 4096


def notice_lines(notices: Iterable[str]) -> list[str]:
    """Return one header value per notice: printable ASCII, other characters as escapes."""
    lines: list[str] = []
    left = _MOST_BYTES
    for notice in notices:
        printable = "".join(c if c.isprintable() else " " for c in notice)
        line = " ".join(printable.split()).encode("ascii", "backslashreplace").decode()
        left -= len(line)
        if left < 0:
            break
        if line:
            lines.append(line)
    return lines
