"""Where an execution stands, kept up with its events: constant work per event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wfcore.errors import ErrorRecord
from wfcore.store.contract import START, Event
from wfcore.workflow.states import NodeState, Status

__all__ = ["NodeProgress", "Progress", "explanation"]

_MAX_FAILED_KEPT: Final = 100


@dataclass(slots=True)
class NodeProgress:
    """One node; times are milliseconds since the epoch."""

    state: NodeState = NodeState.PENDING
    attempt: int = 0
    since: int = 0
    """When it came into its state."""
    took: int | None = None
    """Milliseconds of its last attempt."""
    error: ErrorRecord | None = None
    note: str = ""


class Progress:
    """All nodes of one execution, and where to look first."""

    def __init__(self, name: str, nodes: Sequence[str], since: int) -> None:
        self.name = name
        self.since = since
        """When this process took the execution up, in milliseconds since the epoch."""
        self.finished_before = 0
        """Nodes that had COMPLETED, FAILED or been SKIPPED by then."""
        self.status = Status.PENDING
        self.nodes = {key: NodeProgress() for key in nodes}
        self.counts = dict.fromkeys(NodeState, 0)
        self.counts[NodeState.PENDING] = len(self.nodes)
        self.running: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.failed: dict[str, None] = {}
        """The first of them."""
        self.began: int | None = None
        self.latest = 0

    @property
    def elapsed(self) -> int:
        """Milliseconds that the execution went on here, up to the latest event."""
        return max(0, self.latest - max(self.since, self.began or 0))

    @property
    def finished(self) -> int:
        """How many nodes are terminal."""
        return sum(count for state, count in self.counts.items() if state.terminal)

    def take(self, event: Event) -> NodeProgress | None:
        """Take one event in; return the node that it is about, if it is about one."""
        self.status = event.status
        self.latest = event.at
        if self.began is None:
            self.began = event.at
        node = self.nodes.get(event.key)
        if node is not None and event.to is not None:
            self._enter(event, node)
        elif event.key not in ("", START):
            node = None
        for key in event.kept:
            self._move(key, NodeState.RUNNING, event.at)
            self.nodes[key].attempt = 1
        for key in event.fired:
            self._move(key, NodeState.READY, event.at)
        return node

    def _enter(self, event: Event, node: NodeProgress) -> None:
        assert event.to is not None
        if node.state is NodeState.RUNNING and event.to is not NodeState.RUNNING:
            node.took = event.at - node.since
        if event.to is not node.state:
            self._move(event.key, event.to, event.at)
        node.attempt = event.attempt
        detail = event.detail or {}
        node.error = detail.get("error")
        node.note = _note(event.to, detail)
        closed = event.to is NodeState.CANCELLED
        if event.to.terminal and event.at < self.since and not closed:
            self.finished_before += 1
        if event.to is NodeState.FAILED and len(self.failed) < _MAX_FAILED_KEPT:
            self.failed[event.key] = None

    def _move(self, key: str, state: NodeState, at: int) -> None:
        node = self.nodes[key]
        self.counts[node.state] -= 1
        self.counts[state] += 1
        self.running.pop(key, None)
        self.waiting.pop(key, None)
        if state is NodeState.RUNNING:
            self.running[key] = None
        elif state is NodeState.WAITING:
            self.waiting[key] = None
        node.state, node.since = state, at


def explanation(error: ErrorRecord) -> str:
    """Return an error in one line: `HttpStatus: GET ... answered 503`."""
    return f"{error['type']}: {error['message']}"


def _note(to: NodeState, detail: dict[str, Any]) -> str:
    if to is NodeState.WAITING and "retry_in_ms" in detail:
        return f"again in {detail['retry_in_ms'] / 1000:.1f} s"
    if to is NodeState.WAITING and "resumes_in_ms" in detail:
        reason = detail.get("released")
        return f"again in {detail['resumes_in_ms'] / 1000:.1f} s" + (
            f": {reason}" if reason else ""
        )
    if "reused" in detail:
        return "kept"
    return str(detail.get("reason") or detail.get("released") or "")
