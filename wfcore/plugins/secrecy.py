"""Telling by the type of a plugin's setting, however deep, that a credential may be in it."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from wfcore.plugins.credential import hides_credential

__all__ = ["has_secret_keys", "holds_secret"]

_DEEPEST: Final = 20


def holds_secret(annotation: Any, seen: AbstractSet[Any] = frozenset()) -> bool:
    """Whether a type is secret, or has a part that is, or a field that is named like one."""
    if len(seen) > _DEEPEST:
        # Rather masked for nothing than shown.
        return True
    kind = get_origin(annotation) or annotation
    if inspect.isclass(kind):
        if issubclass(kind, SecretStr | SecretBytes | Secret):
            return True
        if kind not in seen and _fields_hold(kind, {*seen, kind}):
            return True
    # A type alias, or a `NewType`, stands for another type.
    meant = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    if meant is not None and not inspect.isclass(annotation):
        return holds_secret(meant, {*seen, id(annotation)})
    return any(holds_secret(part, seen) for part in get_args(annotation))


def has_secret_keys(value: Any, depth: int = 0) -> bool:
    """Whether a JSON value has a key, at any depth, that is named like a credential."""
    if depth > _DEEPEST:
        return True
    if isinstance(value, Mapping):
        names = (str(key).lower().replace("-", "_") for key in value)
        parts = list(value.values())
        return any(hides_credential(name, "") for name in names) or has_secret_keys(parts, depth)
    return isinstance(value, list | tuple) and any(
        has_secret_keys(each, depth + 1) for each in value
    )


def _fields_hold(kind: type[Any], seen: AbstractSet[Any]) -> bool:
    return any(
        hides_credential(name.lower(), "") or holds_secret(annotation, seen)
        for name, annotation in _fields(kind)
    )


def _fields(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, field.annotation
    elif dataclasses.is_dataclass(kind) or is_typeddict(kind) or hasattr(kind, "_fields"):
        try:
            yield from get_type_hints(kind).items()
        except Exception:  # noqa: BLE001 - names that only type checkers know; the rest tells less
            yield from ((name, Any) for name in getattr(kind, "__annotations__", ()))
