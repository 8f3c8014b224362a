"""Where secrets come from: values by name, or files of a folder, read at each attempt anew."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from wfcore.errors import NodeError
from wfcore.workflow.names import SECRET_HOSTS, is_secret_name

__all__ = ["SHORTEST", "ElsewhereSecrets", "NamedSecrets", "SecretSource", "SecretValue"]

SHORTEST: Final = 4
"""Characters of a secret: fewer are found in too many texts to be masked."""
_MOST_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class SecretValue:
    """A secret, and the hosts (`name` or `name:port`) that it is bound to; None: to none."""

    value: str
    hosts: frozenset[str] | None = None


class SecretSource(Protocol):
    """Gives secrets by name to the process that runs a node. Called in threads."""

    def knows(self, name: str) -> bool | None:
        """Whether there is such a secret; None: that cannot be told here."""

    def read(self, name: str) -> SecretValue | None:
        """Return the secret as it is now, None where there is none.

        Raises:
            NodeError: there is one that cannot be used.

        """


class ElsewhereSecrets:
    """Stands for the secrets of the processes that run nodes, in one that only reads documents."""

    def knows(self, name: str) -> bool | None:  # noqa: ARG002 - for others to say
        return None

    def read(self, name: str) -> SecretValue | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True, repr=False)
class NamedSecrets:
    """Secrets from a mapping, and beside it from the files of a folder.

    `{"TOKEN": "...", "TOKEN_HOSTS": "api.example.com"}`: a name that ends in `_HOSTS` binds
    another one to hosts, and is no secret itself. An empty value counts as not given.
    """

    values: Mapping[str, str]
    folder: Path | None = None

    def knows(self, name: str) -> bool:
        if not is_secret_name(name):
            return False
        if self.values.get(name):
            return True
        return self.folder is not None and (self.folder / name).is_file()

    def read(self, name: str) -> SecretValue | None:
        value = self._find(name) if is_secret_name(name) else None
        if not value:
            return None
        if len(value) < SHORTEST:
            raise _invalid(name, f"has fewer than {SHORTEST} characters, too few to be masked")
        if len(value.encode(errors="replace")) > _MOST_BYTES:
            raise _invalid(name, f"has more than {_MOST_BYTES} bytes")
        if not _is_storable(value):
            raise _invalid(name, "is no Unicode text, or has a NUL in it")
        return SecretValue(value, self._hosts(name))

    def _hosts(self, name: str) -> frozenset[str] | None:
        listed = self._find(name + SECRET_HOSTS)
        if listed is None:
            return None
        hosts = frozenset(host.strip().lower() for host in listed.split(",") if host.strip())
        if not hosts:
            # Whoever wrote it meant to bind the secret: the open door is the worse guess.
            raise _invalid(name, f"is bound to no host: APP_SECRET_{name}_HOSTS names none")
        return hosts

    def _find(self, name: str) -> str | None:
        value = self.values.get(name)
        if self.folder is None or value:
            return value
        found = _read_file(self.folder / name, name)
        return value if found is None else found


def _read_file(path: Path, name: str) -> str | None:
    """Return a file's text without its last newline; a pipe or a device is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _invalid(name, "is no regular file")
            data = file.read(_MOST_BYTES + 2)
        return data.decode().removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _invalid(name, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        # Not the error itself: it holds what was read.
        raise _invalid(name, f"is not UTF-8: {error.reason}") from None


def _is_storable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _invalid(name: str, what: str) -> NodeError:
    return NodeError("SecretInvalid", f"the secret {name} {what}")
