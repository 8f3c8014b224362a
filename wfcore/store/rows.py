"""The rows that a transition reads and writes, the same in memory and in SQLite."""

from dataclasses import dataclass, field

from wfcore.store.contract import NO_CURSOR, Due, ExecutionRecord, Halt, Lease, NodeRecord
from wfcore.workflow.states import NodeState, Status

__all__ = ["ACTIVE", "ExecutionRow", "NodeRow"]

# A tuple: membership goes by identity, where a set would call the enum's slow hash.
ACTIVE = (NodeState.READY, NodeState.RUNNING, NodeState.WAITING)


@dataclass(slots=True)
class NodeRow:
    """One node of one execution. A node that nothing has touched has no row."""

    execution: str
    key: str
    state: NodeState = NodeState.PENDING
    token: int = 0
    attempt: int = 0
    failures: int = 0
    lost: int = 0
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    cursor: int = NO_CURSOR
    deadline: int | None = None
    started: int | None = None
    ended: int | None = None
    queue: str = ""
    handler: str = ""
    leased: int = 0
    """Token of the last lease: a copy of its Move that comes late must not take the node again."""

    @property
    def is_active(self) -> bool:
        """Whether the execution cannot end before this node moves."""
        return self.cursor != NO_CURSOR or self.state in ACTIVE

    def lease(self, number: int, now: int) -> Lease:
        """Return the lease that this row stands for; `number` is the execution's."""
        age = now - self.started if self.started is not None else 0
        return Lease(
            self.execution,
            self.key,
            self.token,
            self.attempt,
            self.failures,
            self.lost,
            self.ok,
            self.failed,
            self.skipped,
            age,
            number,
        )

    def due(self, execution: "ExecutionRow") -> Due:
        """Return this row as something to take up again."""
        return Due(
            self.execution,
            self.key,
            self.state,
            self.token,
            self.attempt,
            self.failures,
            self.lost,
            self.cursor,
            execution.halt,
            execution.plan,
            execution.number,
        )

    def record(self) -> NodeRecord:
        """Return this row as it is read."""
        return NodeRecord(
            self.key,
            self.state,
            self.attempt,
            self.failures,
            self.lost,
            self.started,
            self.ended,
        )


@dataclass(slots=True)
class ExecutionRow:
    """One execution. `number` is the store's own short name for it."""

    id: str
    number: int
    plan: str
    name: str
    labels: dict[str, str]
    input: str | None
    created: int
    timeout: int | None = None
    status: Status = Status.PENDING
    halt: Halt = Halt.NONE
    active: int = 0
    failures: int = 0
    seq: int = 0
    notices: tuple[str, ...] = ()
    started: int | None = None
    ended: int | None = None
    deadline: int | None = None
    meters: dict[str, float] = field(default_factory=dict)
    retry_of: str | None = None

    def due(self) -> Due:
        """Return this row as something to take up again."""
        return Due(
            self.id,
            "",
            NodeState.PENDING,
            token=0,
            attempt=0,
            failures=0,
            lost=0,
            cursor=NO_CURSOR,
            halt=self.halt,
            plan=self.plan,
            number=self.number,
        )

    def record(self) -> ExecutionRecord:
        """Return this row as it is read."""
        return ExecutionRecord(
            self.id,
            self.plan,
            self.name,
            dict(self.labels),
            self.status,
            self.halt,
            self.active,
            self.failures,
            self.seq,
            self.notices,
            self.input,
            self.created,
            self.started,
            self.ended,
            dict(self.meters),
            self.retry_of,
            self.number,
        )
