"""What an engine counts about itself."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from wfcore.workflow.states import NodeState

__all__ = ["Counters"]


_MOST_NAMES: Final = 200


@dataclass(slots=True)
class Counters:
    """Since the engine started.

    `expired`, `redispatched` and `resumed` are healings: without a fault they stay 0.
    """

    completed: int = 0
    failed: int = 0
    skipped: int = 0
    retried: int = 0
    deferred: int = 0
    """Attempts whose handlers asked to be run later."""
    retried_by: Counter[str] = field(default_factory=Counter)
    """Retries by the type of the error, of so many types as metrics can bear."""
    kept: int = 0
    """Leases that came with the Move that made the node READY: no hint, no second round trip."""
    taken: int = 0
    """Leases that a hint led to."""
    sought: int = 0
    """Leases of nodes that an idle worker found in the store, without a hint."""
    stale_hints: int = 0
    stale_results: int = 0
    """Results that the store refused: their lease was no longer the current one."""
    expired: int = 0
    """Leases that ran out and were taken back."""
    redispatched: int = 0
    """READY nodes whose hint had not led to a lease in time."""
    resumed: int = 0
    """Fan-outs that someone else had to go on with."""
    woken: int = 0
    """Nodes whose time to go on had come."""
    abandoned: int = 0
    """Attempts that did not end when they were told to; their slots were given to others."""
    store_errors: int = 0
    events_lost: int = 0
    """Events that a sink did not take, however often it was told, or until the end."""

    def note(self, state: NodeState, error: str | None) -> None:
        """Count a node that an attempt brought into this state; `error` is its record's text."""
        if state is NodeState.COMPLETED:
            self.completed += 1
        elif state is NodeState.FAILED:
            self.failed += 1
        elif state is NodeState.SKIPPED:
            self.skipped += 1
        elif state is NodeState.WAITING and error is None:
            self.deferred += 1
        elif state is NodeState.WAITING and error is not None:
            self.retried += 1
            kind = json.loads(error)["type"]
            known = kind in self.retried_by or len(self.retried_by) < _MOST_NAMES
            self.retried_by[kind if known else "(others)"] += 1
