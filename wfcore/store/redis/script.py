"""The one script: how its commands are packed, and its answers read."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import msgpack

from wfcore.errors import CommandRefused

__all__ = ["SHA", "TEXT", "join", "packed", "unpacked"]


def _text() -> str:
    folder = files("wfcore.store.redis") / "lua"
    parts = sorted(folder.iterdir(), key=lambda part: part.name)
    return "\n".join(part.read_text("utf-8") for part in parts if part.name.endswith(".lua"))


TEXT: Final = _text()
SHA: Final = hashlib.sha1(TEXT.encode(), usedforsecurity=False).hexdigest()
"""What Redis knows the script by, so that two versions may be in use at a time."""

_packer: Final[Any] = msgpack.Packer()
_pack: Final[Any] = msgpack.packb


def packed(command: Sequence[Any]) -> bytes:
    """Return one command as the script reads it; raises `CommandRefused` for what it cannot be."""
    try:
        # The script knows one kind of string.
        return bytes(_pack(command, use_bin_type=False))
    except (UnicodeError, OverflowError, ValueError, TypeError) as error:
        raise CommandRefused(error) from error


def join(commands: Sequence[bytes]) -> bytes:
    """Return the script's argument: a list of packed commands."""
    return bytes(_packer.pack_array_header(len(commands))) + b"".join(commands)


def unpacked(answer: bytes) -> list[Any]:
    """Return the answers; where a single command failed by its own fault, a `CommandRefused`.

    Texts went in as UTF-8; bytes come back as surrogates, for `codec.as_bytes` to undo.
    """
    answers: list[Any] = msgpack.unpackb(
        answer, strict_map_key=False, unicode_errors="surrogateescape"
    )
    return [_read(each) for each in answers]


def _read(answer: Any) -> Any:
    if isinstance(answer, dict) and "error" in answer:
        return CommandRefused(ValueError(str(answer["error"])))
    return answer
