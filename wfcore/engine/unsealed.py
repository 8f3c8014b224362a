"""The secrets of one attempt: their values, where they may go, and how they are masked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from wfcore.errors import NodeError
from wfcore.outbound.allow import AllowList, InvalidAllow
from wfcore.secrets.redactor import Redactor
from wfcore.secrets.source import SHORTEST, SecretSource

__all__ = ["Unsealed", "unseal"]


@dataclass(frozen=True, repr=False)
class Unsealed:
    """What an attempt has read of the secrets that its templates name."""

    values: Mapping[str, str]
    bounds: Mapping[str, AllowList]
    """The hosts of those that are bound."""

    @cached_property
    def redactor(self) -> Redactor:
        """Masks all of them."""
        return Redactor(self.values.values())


def unseal(source: SecretSource, names: Sequence[str]) -> Unsealed:
    """Read secrets by name.

    Raises:
        NodeError: `SecretMissing`, or `SecretInvalid` for one that cannot be used.

    """
    values: dict[str, str] = {}
    bounds: dict[str, AllowList] = {}
    for name in names:
        secret = source.read(name)
        if secret is None:
            raise NodeError(
                "SecretMissing",
                f"there is no secret {name} where this node runs: set APP_SECRET_{name}",
            )
        # A plugin's source may give anything.
        value: object = secret.value
        if not isinstance(value, str) or len(value) < SHORTEST:
            message = f"the secret {name} is no text of {SHORTEST} characters and more"
            raise NodeError("SecretInvalid", message)
        values[name] = value
        if secret.hosts is not None:
            bounds[name] = _bound(name, secret.hosts)
    return Unsealed(values, bounds)


def _bound(name: str, hosts: frozenset[str]) -> AllowList:
    try:
        return AllowList.read(sorted(hosts))
    except InvalidAllow as error:
        message = f"the secret {name} is bound to what is no host: {error}"
        raise NodeError("SecretInvalid", message) from error
