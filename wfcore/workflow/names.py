"""What a node and a secret may be called, and how names are quoted in messages."""

import re
from typing import Final

__all__ = ["ID_PATTERN", "RESERVED", "SECRET_HOSTS", "is_id", "is_secret_name", "quoted"]

ID_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
"""Legal node ids, as a pattern of JSON Schema."""

_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

_SCOPE: Final = ("nodes", "execution", "secrets")
_LITERALS: Final = ("true", "false", "none", "True", "False", "None")
_OPERATORS: Final = ("and", "or", "not", "in", "is", "if", "else")
_TAGS: Final = ("elif", "endif", "for", "endfor", "set", "endset", "raw", "endraw")
_SPECIAL: Final = ("loop", "self", "super", "caller", "varargs", "kwargs")

RESERVED: Final = frozenset(_SCOPE + _LITERALS + _OPERATORS + _TAGS + _SPECIAL)
"""Ids that would mean something else in a template.

Jinja's other tags (`filter`, `call`, `import` ...) are words only where a tag stands, which our
templates do not have: nodes may be called so.
"""

SECRET_HOSTS: Final = "_HOSTS"  # noqa: S105 - no secret itself
"""`TOKEN_HOSTS` lists the hosts that the secret `TOKEN` is bound to, and is no secret."""

_SECRET: Final = re.compile(r"[A-Za-z0-9_]{1,128}", re.ASCII)
_SHOWN: Final = 80


def is_id(text: str) -> bool:
    """Whether a node may have this id, reserved words aside."""
    return _ID.fullmatch(text) is not None


def is_secret_name(text: str) -> bool:
    """Whether a secret can be called so."""
    return _SECRET.fullmatch(text) is not None and not text.upper().endswith(SECRET_HOSTS)


def quoted(name: str) -> str:
    """Return the name in double quotes, cut where it is too long to be read."""
    return f'"{name}"' if len(name) <= _SHOWN else f'"{name[:_SHOWN]}…"'
