"""Secrets from several sources, asked one after the other."""

import logging
from collections.abc import Sequence

from wfcore.secrets.source import SecretSource, SecretValue

__all__ = ["ChainedSecrets", "chained"]

_log = logging.getLogger(__name__)


def chained(first: SecretSource, others: Sequence[SecretSource]) -> SecretSource:
    """Return one source of all: the operator's own `first`, then those of plugins."""
    return ChainedSecrets((first, *others)) if others else first


class ChainedSecrets:
    """Gives a secret from the first source that has it."""

    def __init__(self, sources: Sequence[SecretSource]) -> None:
        self._sources = tuple(sources)

    def knows(self, name: str) -> bool | None:
        """Whether any of them has it; one that cannot say now leaves it open."""
        answer: bool | None = False
        for source in self._sources:
            found = _known(source, name)
            if found:
                return True
            if found is None:
                answer = None
        return answer

    def read(self, name: str) -> SecretValue | None:
        for source in self._sources:
            found = source.read(name)
            if found is not None:
                return found
        return None


def _known(source: SecretSource, name: str) -> bool | None:
    try:
        return source.knows(name)
    except Exception:  # noqa: BLE001 - a plugin's code; the attempt that reads the secret tells
        # Only the class: a source's `repr` may have the credentials it was made with.
        kind = type(source).__qualname__
        _log.warning("the secret source %s cannot say what it has", kind, exc_info=True)
        return None
