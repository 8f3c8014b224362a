"""The Moves that an engine makes, in the words of the cases."""

from collections.abc import Mapping, Sequence
from typing import Final

from wfcore.store.contract import (
    NO_CURSOR,
    START,
    Charge,
    Edge,
    EdgeKind,
    LeaseRef,
    Move,
    NewExecution,
)
from wfcore.workflow.states import NodeState

__all__ = [
    "BRIEF",
    "LONG",
    "RUNNING_OR_LATE",
    "cancel",
    "chunk",
    "close",
    "complete",
    "dispatch_again",
    "edge",
    "expire",
    "fail",
    "lease",
    "new",
    "ref",
    "retry",
    "skip",
    "start",
    "wake",
]

LONG: Final = 600_000
"""Milliseconds that never pass during a test."""
BRIEF: Final = 40
"""Milliseconds that a test lets pass, for real where the store's server keeps the time."""
RUNNING_OR_LATE: Final = (NodeState.RUNNING, NodeState.READY)


def new(identifier: str, *, plan: str = "p1", timeout_ms: int | None = None) -> NewExecution:
    """Return an execution to store."""
    return NewExecution(
        id=identifier,
        plan=plan,
        document=f'{{"plan":"{plan}"}}',
        name="a workflow",
        labels={"team": "ä", "tier": "1"},
        input='{"n":1}',
        timeout_ms=timeout_ms,
    )


def edge(
    key: str, kind: EdgeKind = EdgeKind.OK, *, deps: int = 1, need: int = 0, keep: bool = True
) -> Edge:
    """An edge whose join waits for all dependencies, unless `need` says how many successes do."""
    return Edge(key, kind, deps, need or deps, "default", "noop", keep)


def start(
    execution: str,
    edges: Sequence[Edge],
    *,
    token: int = 1,
    keep: int = 0,
    keep_token: int = 0,
    next_cursor: int = NO_CURSOR,
    ready_ms: int = LONG,
) -> Move:
    """The trigger: the roots become READY."""
    return Move(
        execution,
        START,
        expect=(NodeState.PENDING,),
        to=NodeState.COMPLETED,
        new_token=token,
        edges=tuple(edges),
        next_cursor=next_cursor,
        keep=keep,
        keep_token=keep_token,
        lease_ms=LONG,
        ready_ms=ready_ms,
        output='{"trigger":1}',
    )


def lease(execution: str, key: str, token: int, *, lease_ms: int = LONG) -> Move:
    """A worker takes a READY node."""
    return Move(
        execution,
        key,
        expect=(NodeState.READY,),
        to=NodeState.RUNNING,
        new_token=token,
        deadline_ms=lease_ms,
        charge=Charge.ATTEMPT,
    )


def complete(  # noqa: PLR0913 - what a case may say, each by keyword
    execution: str,
    key: str,
    token: int,
    edges: Sequence[Edge] = (),
    *,
    keep: int = 0,
    keep_token: int = 0,
    next_cursor: int = NO_CURSOR,
    ready_ms: int = LONG,
    lease_ms: int = LONG,
    notice: str | None = None,
    meters: Mapping[str, float] | None = None,
) -> Move:
    """A leased node gives its output."""
    return Move(
        execution,
        key,
        expect=RUNNING_OR_LATE,
        to=NodeState.COMPLETED,
        token=token,
        new_token=token,
        edges=tuple(edges),
        next_cursor=next_cursor,
        keep=keep,
        keep_token=keep_token,
        lease_ms=lease_ms,
        ready_ms=ready_ms,
        output=f'{{"by":{token}}}',
        notice=notice,
        meters=meters,
    )


def chunk(first: Move, edges: Sequence[Edge], cursor: int, next_cursor: int = NO_CURSOR) -> Move:
    """A further chunk of the fan-out that `first` began."""
    return Move(
        first.execution,
        first.key,
        expect=(first.to,),
        to=first.to,
        token=first.new_token,
        new_token=first.new_token,
        edges=tuple(edges),
        cursor=cursor,
        next_cursor=next_cursor,
        ready_ms=first.ready_ms,
        lease_ms=first.lease_ms,
    )


def fail(
    execution: str, key: str, token: int, edges: Sequence[Edge] = (), *, fails: bool = True
) -> Move:
    """A leased node fails for good."""
    return Move(
        execution,
        key,
        expect=RUNNING_OR_LATE,
        to=NodeState.FAILED,
        token=token,
        new_token=token,
        edges=tuple(edges),
        ready_ms=LONG,
        charge=Charge.FAILURE,
        error='{"type":"Boom"}',
        fails=fails,
        detail='{"error":{"type":"Boom","message":"ünïcode"}}',
    )


def skip(execution: str, key: str, token: int, edges: Sequence[Edge] = ()) -> Move:
    """A leased node is judged not to run."""
    return Move(
        execution,
        key,
        expect=RUNNING_OR_LATE,
        to=NodeState.SKIPPED,
        token=token,
        new_token=token,
        edges=tuple(edges),
        ready_ms=LONG,
        detail='{"reason":"when is false"}',
    )


def retry(execution: str, key: str, token: int, new_token: int, *, wait_ms: int = BRIEF) -> Move:
    """A leased node waits for its next attempt."""
    return Move(
        execution,
        key,
        expect=RUNNING_OR_LATE,
        to=NodeState.WAITING,
        token=token,
        new_token=new_token,
        deadline_ms=wait_ms,
        charge=Charge.FAILURE,
    )


def wake(execution: str, key: str, token: int, *, ready_ms: int = LONG) -> Move:
    """A waiting node becomes READY."""
    return _to_ready(execution, key, NodeState.WAITING, token, ready_ms)


def dispatch_again(execution: str, key: str, token: int, *, ready_ms: int = LONG) -> Move:
    """A READY node whose hint was lost is told of again."""
    return _to_ready(execution, key, NodeState.READY, token, ready_ms)


def expire(execution: str, key: str, token: int, *, ready_ms: int = LONG) -> Move:
    """A lease that ran out is taken back."""
    move = _to_ready(execution, key, NodeState.RUNNING, token, ready_ms)
    move.charge = Charge.LOST
    return move


def cancel(execution: str, key: str, state: NodeState, token: int, new_token: int) -> Move:
    """What the sweep of a halted execution does to a node that nobody runs."""
    return Move(
        execution,
        key,
        expect=(state,),
        to=NodeState.CANCELLED,
        token=token,
        new_token=new_token,
        detail='{"reason":"cancel"}',
    )


def close(execution: str, key: str, token: int) -> Move:
    """What a worker does to its node when it hears that the execution is halted."""
    return Move(
        execution,
        key,
        expect=(NodeState.RUNNING,),
        to=NodeState.CANCELLED,
        token=token,
        new_token=token,
        error='{"type":"Cancelled"}',
    )


def ref(execution: str, key: str, token: int) -> LeaseRef:
    """Name a lease."""
    return LeaseRef(execution, key, token)


def _to_ready(execution: str, key: str, state: NodeState, token: int, ready_ms: int) -> Move:
    return Move(
        execution,
        key,
        expect=(state,),
        to=NodeState.READY,
        token=token,
        new_token=token,
        deadline_ms=ready_ms,
        queue="default",
        handler="noop",
        if_due=True,
    )
