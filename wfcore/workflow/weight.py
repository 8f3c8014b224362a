"""Whether a value is so small that reading it is quicker than handing it to a thread."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_light"]

_LIGHT_VALUES: Final = 1_000
_LIGHT_CHARACTERS: Final = 16 * 1024


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
