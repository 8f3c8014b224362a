"""What a store tells of its executions: records, results, events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from wfcore.workflow.states import NodeState, Status

__all__ = [
    "Event",
    "ExecutionRecord",
    "Halt",
    "NodeRecord",
    "NodeResult",
    "NodeResults",
    "Page",
    "Past",
]


class Halt(StrEnum):
    """Why an execution opens no further node."""

    NONE = ""
    CANCEL = "cancel"
    TIMEOUT = "timeout"


@dataclass(slots=True)
class ExecutionRecord:
    """An execution as it is read; times are milliseconds since the epoch."""

    id: str
    plan: str
    name: str
    labels: dict[str, str]
    status: Status
    halt: Halt
    active: int
    failures: int
    seq: int
    notices: tuple[str, ...]
    input: str | None
    created: int
    started: int | None
    ended: int | None
    meters: dict[str, float]
    """The sums of what its attempts used, by name."""
    retry_of: str | None = None
    number: int = field(default=0, compare=False)
    """The store's own name for it. A deleted execution's id may come again, its number does not."""


class Page(NamedTuple):
    """Some of the executions that a filter lets through, the newest first."""

    records: Sequence[ExecutionRecord]
    next: str
    """Where the list goes on, as `after`; empty at its end."""


class Past(NamedTuple):
    """An execution that may be deleted for its age."""

    execution: str
    number: int


@dataclass(slots=True)
class NodeRecord:
    """A node that something has touched, as it is read."""

    key: str
    state: NodeState
    attempt: int
    failures: int
    lost: int
    started: int | None
    ended: int | None


class NodeResult(NamedTuple):
    """Where a node stands and what it left behind, as JSON texts."""

    state: NodeState
    output: str | None
    error: str | None


class NodeResults(NamedTuple):
    """What was read of some nodes of one execution."""

    number: int
    """The execution's, as in its record; 0 where there is none."""
    nodes: dict[str, NodeResult]
    """By key, without those that nothing touched yet."""


@dataclass(slots=True)
class Event:
    """The record that one Move (or a halt, with an empty key) leaves behind."""

    seq: int
    at: int
    key: str
    before: NodeState | None
    to: NodeState | None
    attempt: int
    fired: tuple[str, ...]
    kept: tuple[str, ...]
    status: Status
    """The execution's, after the Move."""
    detail: dict[str, Any] | None
