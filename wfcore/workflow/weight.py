"""How heavy JSON is: small enough to be read at once, and how much memory it takes when read."""

import sys
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_light", "parsed_size"]

_LIGHT_VALUES: Final = 1_000
_LIGHT_CHARACTERS: Final = 16 * 1024

_VALUE_BYTES: Final = 64
_KEY_BYTES: Final = 120


def parsed_size(text: str) -> int:
    """About how many bytes a JSON text takes when parsed: `[[],[]]` some twenty times its own.

    Counts what stands in strings too: rather too much than too little.
    """
    values = text.count(",") + text.count("[") + text.count("{")
    return sys.getsizeof(text) + _VALUE_BYTES * values + _KEY_BYTES * text.count(":")


def is_light(value: Any) -> bool:
    """Whether a JSON text or value is small; looks at no more of it than that takes."""
    if isinstance(value, bytes | str):
        return len(value) <= _LIGHT_CHARACTERS
    waiting = [value]
    values = characters = 0
    while waiting:
        each = waiting.pop()
        values += 1
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, Mapping | list):
            values += len(each)
            if values <= _LIGHT_VALUES:
                waiting.extend(each.values() if isinstance(each, Mapping) else each)
        if values > _LIGHT_VALUES or characters > _LIGHT_CHARACTERS:
            return False
    return True
