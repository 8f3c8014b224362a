"""The store contract: what an engine asks of the place where state lives.

A store is dumb on purpose. It never decides what follows from a result: it applies a `Move` by
compare-and-set on one node's (state, token), moves the counters of the successors that the Move
names, and says which of them fired. The semantics live once, in `wfcore.engine.decide`.

Every command may be applied twice (clients retry by themselves); the repeat changes nothing and
gets the answer of the first. Times are milliseconds; durations that a caller gives are relative,
so that only the store's clock counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from wfcore.store.filter import Filter
from wfcore.store.records import (
    Event,
    ExecutionRecord,
    Halt,
    NodeRecord,
    NodeResult,
    NodeResults,
    Page,
    Past,
)
from wfcore.workflow.states import NodeState, Status

__all__ = [
    "NO_CURSOR",
    "START",
    "Charge",
    "Code",
    "Deletion",
    "Due",
    "Edge",
    "EdgeKind",
    "Event",
    "ExecutionRecord",
    "Filter",
    "Fired",
    "Halt",
    "Lease",
    "LeaseRef",
    "Move",
    "NewExecution",
    "NodeRecord",
    "NodeResult",
    "NodeResults",
    "Page",
    "Past",
    "Reply",
    "StateStore",
]

START: Final = "@start"
"""Key of the hidden node whose edges are the roots; its output is what the trigger brought."""

NO_CURSOR: Final = -1
"""The cursor of a node that has no fan-out in progress."""


class EdgeKind(StrEnum):
    """How a predecessor ended, as its successor counts it."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Edge(NamedTuple):
    """One successor, with the thresholds of its join.

    The target fires when it is PENDING, its execution is not halted, and `ok >= need` or all of
    `deps` have counted. A fired target is filed under (queue, handler) until someone leases it;
    `keep` says whether the worker that applies the Move could run it.
    """

    key: str
    kind: EdgeKind
    deps: int
    need: int
    queue: str
    handler: str
    keep: bool = True


class Charge(StrEnum):
    """Which of a node's counters a Move adds one to."""

    NONE = ""
    ATTEMPT = "attempt"
    FAILURE = "failure"
    LOST = "lost"


@dataclass(slots=True)
class Move:
    """One atomic change of one node, with all that follows from it.

    Applied if and only if the node's state is in `expect`, its token equals `token` (0: any), its
    fan-out cursor equals `cursor`, and, with `if_due`, its deadline has passed; an execution that
    has ended takes no Move, and a node no lease (`charge` ATTEMPT) with the token of its last one:
    that is a copy which came late. (`to`, `new_token`) and the cursor identify the Move: where the
    row already stands there, or further on in the same fan-out, the answer is `again`; for an
    execution with another `number` it is `gone`.
    """

    execution: str
    key: str
    expect: tuple[NodeState, ...]
    to: NodeState
    token: int = 0
    new_token: int = 0
    deadline_ms: int | None = None
    """From now; None: no deadline, for terminal states."""
    charge: Charge = Charge.NONE
    edges: tuple[Edge, ...] = ()
    """At most one chunk of the fan-out."""
    cursor: int = NO_CURSOR
    next_cursor: int = NO_CURSOR
    """Where the fan-out goes on; its node stays active, and due after `ready_ms`, until the end."""
    keep: int = 0
    """Lease at most so many of the fired successors to the caller, with `keep_token` + 0, 1, ..."""
    keep_token: int = 0
    lease_ms: int = 0
    ready_ms: int = 0
    queue: str = ""
    handler: str = ""
    """Where this node itself is filed when `to` is READY."""
    output: str | None = None
    """JSON text of the output object, stored with COMPLETED."""
    error: str | None = None
    """JSON text of the error record, stored with FAILED and CANCELLED."""
    fails: bool = False
    """Counts against the execution: it will end FAILED."""
    if_due: bool = False
    notice: str | None = None
    """One line that stands on the execution's result: each once, the first five."""
    meters: Mapping[str, float] | None = None
    """What the attempt used, by name: added to the execution's sums, once however often applied."""
    detail: str | None = None
    """JSON text of a small object for the event."""
    number: int = 0
    """The execution's, as in its record; 0: whichever has the id."""


class Code(StrEnum):
    """What became of a Move."""

    OK = "ok"
    AGAIN = "again"
    """Applied before; the answer is that of the first time."""
    STALE = "stale"
    """State, token, cursor or deadline are not the expected ones; nothing changed."""
    HALTED = "halted"
    """The execution opens no further node; nothing changed."""
    GONE = "gone"
    """No such execution."""


class Fired(NamedTuple):
    """A successor that became READY: its hint is to be published."""

    key: str
    queue: str
    handler: str


class Lease(NamedTuple):
    """The right to one attempt, with what is needed to judge the join and to number the attempt."""

    execution: str
    key: str
    token: int
    attempt: int
    failures: int
    lost: int
    ok: int
    failed: int
    skipped: int
    age_ms: int
    """Since the node's first lease."""
    number: int
    """The execution's, as in its record."""


class LeaseRef(NamedTuple):
    """What names a lease when it is renewed."""

    execution: str
    key: str
    token: int


@dataclass(slots=True)
class Reply:
    """The answer to a Move. It is an obligation: publish `fired`, run all of `kept`."""

    code: Code
    status: Status
    plan: str = ""
    fired: Sequence[Fired] = ()
    kept: Sequence[Lease] = ()
    lease: Lease | None = None
    """The caller's own, where the Move leased its node."""
    waited_ms: int | None = field(default=None, compare=False)
    """How long that node had been READY, where the store knows; for metrics only."""
    number: int = field(default=0, compare=False)
    """The execution's, as in its record; 0 where there is none."""


class Due(NamedTuple):
    """A node, or with an empty key an execution, whose deadline has passed."""

    execution: str
    key: str
    state: NodeState
    token: int
    attempt: int
    failures: int
    lost: int
    cursor: int
    halt: Halt
    plan: str
    number: int
    """The execution's."""


@dataclass(slots=True)
class NewExecution:
    """What `create` stores. The document is stored once for all executions with its hash."""

    id: str
    plan: str
    document: str
    name: str
    labels: Mapping[str, str]
    input: str | None = None
    """JSON text of the input that came with the document."""
    timeout_ms: int | None = None
    """Counts from the first Move."""
    retry_of: str | None = None
    """The execution whose outputs this one reuses: not to be deleted while this one is open."""


class Deletion(StrEnum):
    """What became of a command to delete an execution."""

    DONE = "done"
    """Nothing is left of it."""
    MORE = "more"
    """It cannot be read any more; `past` names what is left of it, to be deleted further."""
    OPEN = "open"
    """It runs; nothing changed."""
    IN_USE = "in_use"
    """An open retry reuses its outputs; nothing changed."""


class StateStore(Protocol):
    """Where state lives. All stores pass `tests/conformance`.

    The id of a deleted execution may come again; its number never does. What goes on with an
    execution that was read or listed before names both.
    """

    durability: str
    """What an acknowledged command survives: `memory`, `relaxed` or `durable`."""

    @property
    def name(self) -> str:
        """What it is and where, for people: without credentials."""

    async def open(self) -> None:
        """Take the store into use; raises `StoreOwned`, `StoreTooNew` or `StoreError`."""

    async def close(self) -> None:
        """Let the store go; commands still waiting are finished first."""

    async def create(self, new: NewExecution) -> int:
        """Store a PENDING execution; return its number, 0 if the id is known (nothing changes)."""

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves, each atomic by itself, in order; the only way a node changes."""

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        """Give leases `lease_ms` from now. False: lost, or the execution is halted.

        Blocks, and may be called from any thread: heartbeats must not wait for an event loop.
        """

    async def halt(
        self, execution: str, halt: Halt, sweep_ms: int | None = 0, number: int = 0
    ) -> Reply:
        """Let no further node open; the first reason stays.

        `again` where it was halted before, `stale` where it ended by itself. The execution is due
        `sweep_ms` from now, so that someone moves its open nodes to CANCELLED; None says that
        this is done. `gone` where the execution has another `number` (0: any).
        """

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        """List what has a passed deadline, oldest first, and the ms until the next one.

        Lists only: what is listed stays due until a Move (or `halt`) acts on it.
        """

    async def active(self, execution: str, limit: int) -> list[Due]:
        """List nodes of an execution that are READY, WAITING or in a fan-out, then RUNNING ones."""

    async def results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        """Read the named nodes, and say of which execution they are."""

    async def read(self, execution: str) -> ExecutionRecord | None:
        """Read an execution without its nodes."""

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        """Page through the touched nodes in the order of their keys."""

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        """Page through the event log: those with `seq` > `after`, in order, without gaps."""

    async def history(self, execution: str, key: str, limit: int) -> list[Event]:
        """List the newest events of one node, in order."""

    async def document(self, plan: str) -> str | None:
        """Read the document of a plan's hash."""

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Page through executions, the newest first; raises `DocumentRefused` for a bad `after`."""

    async def delete(self, execution: str, limit: int, number: int = 0) -> Deletion:
        """Delete an execution that does not run, or about `limit` rows of it.

        One with another `number` (0: any) stays: the one that was meant is gone.
        """

    async def past(self, age_ms: int, limit: int) -> list[Past]:
        """List whose end, or whose creation where it never began, is at least `age_ms` ago.

        The oldest first, and with them what `delete` left half done.
        """
