"""The names that everything in a new plugin has, all made of the one that its author gave."""

import keyword
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["IMPORTED", "InvalidName", "PluginNames"]

# A line that imports the class from the module, each named like the plugin, is not too long then.
_LONGEST: Final = 36
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_PREFIX: Final = re.compile(r"^wfcore[-_]")

IMPORTED: Final = frozenset(
    {
        "Any",
        "BaseModel",
        "Callable",
        "Field",
        "Handler",
        "HandlerContract",
        "NodeContext",
        "NodeError",
        "Path",
    }
)
"""What the written files import: the handler's class cannot be called so."""


class InvalidName(ValueError):
    """No plugin can be called this; the nearest name that one can be called, where there is one."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name of a plugin: small letters, digits and hyphens, a letter first,"
            f" without wfcore- before it, {_LONGEST} characters at most"
        )
        self.nearest = _nearest(name)


@dataclass(frozen=True, slots=True)
class PluginNames:
    """The names in a plugin that is called `send-mail`."""

    distribution: str
    """`wfcore-send-mail`"""
    module: str
    """`wfcore_send_mail`"""
    handler: str
    """`send_mail`"""
    class_name: str
    """`SendMail`"""
    title: str
    """`Send mail`"""

    @classmethod
    def of(cls, name: str) -> "PluginNames":
        """Make them of the one that the author gave.

        Raises:
            InvalidName: nothing can be called this.

        """
        if not _is_sound(name):
            raise InvalidName(name)
        words = re.split("[-_]", name)
        class_name = "".join(word.capitalize() for word in words)
        if class_name in IMPORTED or keyword.iskeyword(class_name):
            class_name += "Handler"
        return cls(
            distribution=f"wfcore-{'-'.join(words)}",
            module=f"wfcore_{'_'.join(words)}",
            handler="_".join(words),
            class_name=class_name,
            title=" ".join(words).capitalize(),
        )


def _is_sound(name: str) -> bool:
    fits = _NAME.fullmatch(name) is not None and len(name) <= _LONGEST
    return fits and not _PREFIX.match(name)


def _nearest(name: str) -> str | None:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    near = re.sub(r"[^a-z0-9]+", "-", words).lstrip("-0123456789")
    near = _PREFIX.sub("", near)[:_LONGEST].strip("-")
    return near if near and _is_sound(near) else None
