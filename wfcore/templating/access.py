"""The one way from a value to what is inside it: by data, never by attributes of Python objects."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from wfcore.problems import nearest
from wfcore.templating.failure import RenderError

__all__ = ["Missing", "Step", "describe", "path_text", "resolve", "walk"]

Step: TypeAlias = str | int

_ABSENT: Final = object()
_KEYS_SHOWN: Final = 5
_NAME_SHOWN: Final = 80


class Missing:
    """Stands for a value that is not there; anything but `default` and `is defined` refuses it."""

    __slots__ = ("message", "path")

    def __init__(self, message: str, path: str | None = None) -> None:
        self.message = message
        self.path = path

    def error(self) -> RenderError:
        """Return the error of using what is missing."""
        return RenderError(self.message, path=self.path)


def walk(value: Any, root: str, steps: Sequence[Step]) -> Any:
    """Follow `steps` into a value; where it ends, a `Missing` that says so.

    `root` is how the value is called in messages.
    """
    at = value
    for step in steps:
        if isinstance(at, dict):
            at = at.get(step, _ABSENT)
        elif isinstance(at, list | str) and isinstance(step, int):
            at = at[step] if -len(at) <= step < len(at) else _ABSENT
        else:
            at = at if at.__class__ is Missing else _ABSENT
        if at is _ABSENT:
            return _missing(value, root, steps)
    return at


def resolve(names: Mapping[str, Any], root: str, steps: Sequence[Step]) -> Any:
    """Follow a path from the scope's names; where it ends, a `Missing` that says so."""
    value = names.get(root, _ABSENT)
    if value is _ABSENT:
        return Missing(f"there is no {quoted(root)} here{_similar(root, names)}", root)
    return walk(value, root if root.isidentifier() else f"nodes[{root!r}]", steps)


def path_text(root: str, steps: Sequence[Step]) -> str:
    """Write a path as a template would: `get_posts.output.data[0]`; `root` stands as it is."""
    text = root
    for step in steps:
        is_word = isinstance(step, str) and step.isidentifier()
        text += f".{step}" if is_word else f"[{step!r}]"
    return text


def describe(value: Any) -> str:
    """Return what kind of JSON value it is, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"


def quoted(name: Any) -> str:
    """Write a name for a message, cut where it is too long to be read."""
    text = str(name)
    return f"`{text if len(text) <= _NAME_SHOWN else text[:_NAME_SHOWN] + '…'}`"


def _missing(value: Any, root: str, steps: Sequence[Step]) -> Missing:
    """Find the step that led nowhere, and say what stands there instead."""
    at = value
    done = 0
    for step in steps[:-1]:
        inside = walk(at, root, (step,)) if _has(at, step) else _ABSENT
        if inside is _ABSENT:
            break
        at = inside
        done += 1
    step = steps[done]
    path = path_text(root, steps[:done])
    return Missing(f"{quoted(path)} {_lack(at, step)}", path_text(root, steps[: done + 1]))


def _has(value: Any, step: Step) -> bool:
    if isinstance(value, dict):
        return step in value
    return (
        isinstance(value, list | str)
        and isinstance(step, int)
        and (-len(value) <= step < len(value))
    )


def _lack(value: Any, step: Step) -> str:
    if isinstance(value, dict):
        return f"has no {quoted(step)}{_similar(str(step), value) or _listed(value)}"
    if isinstance(value, list) and isinstance(step, int):
        return f"has {len(value)} items, none at {step}"
    if isinstance(value, str) and isinstance(step, int):
        return f"has {len(value)} characters, none at {step}"
    return f"is {describe(value)}, it has no {quoted(step)}"


def _similar(name: str, candidates: Mapping[str, Any]) -> str:
    found = nearest(name, candidates)
    return f"; did you mean {quoted(found)}?" if found is not None else ""


def _listed(value: Mapping[str, Any]) -> str:
    if not value:
        return "; it is empty"
    names = [quoted(key) for _, key in zip(range(_KEYS_SHOWN), value, strict=False)]
    more = ", …" if len(value) > _KEYS_SHOWN else ""
    return f"; it has {', '.join(names)}{more}"
