"""Which executions a list shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wfcore.workflow.states import Status

__all__ = ["Filter"]


@dataclass(frozen=True, slots=True)
class Filter:
    """What an execution must be to be listed: all that is given here. Times are epoch ms."""

    statuses: tuple[Status, ...] = ()
    name: str | None = None
    """The workflow's, to the letter."""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    created_from: int | None = None
    created_before: int | None = None
    retry_of: str | None = None
    """The execution that it takes up again."""
    retried: bool | None = None
    """Whether a retry of it exists."""
