"""What a plain YAML scalar is: the core schema of YAML 1.2, within the values of JSON.

So `no`, `on` and `2026-11-27` are texts. What JSON cannot carry, or what readers of YAML disagree
about, is a `ValueError`.
"""

import math
import re
from typing import Final

__all__ = ["plain_value", "sound_text"]

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OCTAL_LOOK: Final = re.compile(r"[-+]?0[0-9]+")
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1
_LONGEST: Final = 24


def plain_value(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar; raises `ValueError` for what is no JSON value."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not JSON")
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError("the number is too large for a 64-bit float")
        return value
    return text


def _integer(text: str) -> int:
    if _OCTAL_LOOK.fullmatch(text):
        raise ValueError("readers disagree about numbers with a leading zero; quote it to be text")
    if len(text) > _LONGEST:
        raise ValueError(_TOO_WIDE)
    value = int(text, 0)
    if not _LOWEST <= value <= _HIGHEST:
        raise ValueError(_TOO_WIDE)
    return value


_TOO_WIDE: Final = "the integer does not fit in 64 bits; write it as a string"


def sound_text(text: str) -> str:
    r"""Return a text with pairs of surrogates joined, which `"\ud83d\ude00"` leaves apart.

    Raises `ValueError` for a surrogate that is alone.
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        message = "the text has a lone surrogate, which no encoding can carry"
        raise ValueError(message) from None
