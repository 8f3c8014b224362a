"""The data that the templates of one node see."""

from collections.abc import Mapping
from dataclasses import dataclass

from wfcore.workflow.source import JSONValue

__all__ = ["OTHER_ROOTS", "SECRETS", "Scope"]

SECRETS = "secrets"

OTHER_ROOTS = frozenset({"execution", SECRETS})
"""Names in a scope that are no nodes."""


@dataclass(frozen=True, slots=True)
class Scope:
    """JSON values by name: nodes by their ids, `execution`, and `secrets` where they are asked for.

    A node is `{"output": ..., "state": ..., "error": ...}`. `nodes['an-id']` in a template reads
    `names["an-id"]`.
    """

    names: Mapping[str, JSONValue]
