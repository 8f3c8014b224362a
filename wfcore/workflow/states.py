"""The states of a node and of an execution."""

from enum import StrEnum
from typing import Literal

__all__ = ["EventLevel", "NodeState", "Status"]

EventLevel = Literal["executions", "nodes"]
"""Which events are told elsewhere: the turns of executions, or all."""


class NodeState(StrEnum):
    """Where a node stands. READY means that its join can be judged: to run, or to be skipped."""

    PENDING = "PENDING"
    READY = "READY"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the node can never change again."""
        return self in _TERMINAL_NODES


class Status(StrEnum):
    """Where an execution stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the execution can never change again."""
        return self in _TERMINAL_STATUSES


_TERMINAL_NODES = frozenset(
    {NodeState.COMPLETED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED}
)
_TERMINAL_STATUSES = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
