"""What follows from what happened: pure functions from small values to one Move.

No clock, no randomness, no input or output: tokens and chances are handed in. The store applies
the Move; nobody else decides anything.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from wfcore.engine.plan import Plan, PlanNode
from wfcore.engine.retry import RetryDefaults, retry_delay
from wfcore.errors import ErrorRecord
from wfcore.store.contract import (
    NO_CURSOR,
    START,
    Charge,
    Due,
    Edge,
    EdgeKind,
    Halt,
    Lease,
    Move,
)
from wfcore.workflow.states import NodeState

__all__ = [
    "Completed",
    "Failed",
    "Interrupted",
    "Outcome",
    "Release",
    "Skipped",
    "Terms",
    "close",
    "decide",
    "halt_error",
    "lease",
    "next_chunk",
    "on_due",
    "refused",
    "start",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class Terms:
    """The engine's durations and limits that decisions use; milliseconds."""

    lease_ms: int = 10_000
    ready_ms: int = 60_000
    max_lost: int = 5
    chunk: int = 128
    retry: RetryDefaults = field(default_factory=RetryDefaults)


class Completed(NamedTuple):
    """The handler returned; `output` is JSON text."""

    output: str
    notice: str | None = None
    detail: str | None = None


class Failed(NamedTuple):
    """The attempt failed; `retry_after` is the least delay in seconds that the error asks for."""

    error: ErrorRecord
    retry_after: float | None = None
    took: float = 0.0
    """Seconds since the attempt was leased."""
    log: tuple[str, ...] = ()
    """The last lines that the handler logged."""


class Skipped(NamedTuple):
    """The join or `when` said no."""

    reason: str


class Interrupted(NamedTuple):
    """The execution was cancelled or ran out of time while the node ran."""

    error: ErrorRecord


class Release(NamedTuple):
    """The worker gives the attempt back, not charged: at once, or after a wait in milliseconds."""

    wait_ms: int = 0
    reason: str | None = None
    log: tuple[str, ...] = ()
    """The last lines that the handler logged."""


Outcome = Completed | Failed | Skipped | Interrupted | Release

_RUNNING: Final = (NodeState.RUNNING,)
# A result for a lease that ran out is welcome as long as nobody took the node since: the row is
# READY, still with the token of that lease.
_RUNNING_OR_LATE: Final = (NodeState.RUNNING, NodeState.READY)


def verdict(node: PlanNode, ok: int, failed: int) -> str | None:
    """Judge a join from its counters: None to go on, else the reason why the node is skipped."""
    if node.join == "all_done":
        return None
    if node.join == "any_success":
        return None if ok else "no dependency succeeded"
    if ok == node.deps:
        return None
    return "a dependency failed" if failed else "a dependency was skipped"


def start(plan: Plan, execution: str, trigger: str, token: int, terms: Terms) -> Move:
    """Return the Move that starts an execution: the virtual start node completes.

    `token` stands for the trigger's body, so that the same trigger again is a repeat and another
    one is refused.
    """
    move = Move(
        execution=execution,
        key=START,
        expect=(NodeState.PENDING,),
        to=NodeState.COMPLETED,
        new_token=token,
        output=trigger,
    )
    return _with_edges(move, plan, terms)


def lease(execution: str, key: str, token: int, terms: Terms) -> Move:
    """Return the Move that takes a READY node."""
    return Move(
        execution=execution,
        key=key,
        expect=(NodeState.READY,),
        to=NodeState.RUNNING,
        new_token=token,
        charge=Charge.ATTEMPT,
        deadline_ms=terms.lease_ms,
    )


def decide(
    plan: Plan, held: Lease, outcome: Outcome, terms: Terms, token: int, chance: float
) -> Move:
    """Return the Move that follows from an attempt's outcome.

    `token` is a fresh one, for a node that is not terminal yet; `chance` is in [0, 1).
    """
    node = plan.nodes[held.key]
    if isinstance(outcome, Completed):
        move = _end(held, NodeState.COMPLETED)
        move.output, move.notice, move.detail = outcome
    elif isinstance(outcome, Skipped):
        move = _end(held, NodeState.SKIPPED)
        move.detail = _text({"reason": outcome.reason})
    elif isinstance(outcome, Interrupted):
        move = _end(held, NodeState.CANCELLED)
        move.expect, move.error = _RUNNING, _text(outcome.error)
    elif isinstance(outcome, Release):
        return _release(node, held, outcome, terms, token)
    else:
        delay = _retry_delay(node, held, outcome, terms, chance)
        if delay is not None:
            return _retry(held, outcome, delay, token)
        return _fail(plan, held, outcome, terms)
    return _with_edges(move, plan, terms)


def refused(plan: Plan, held: Lease, reason: str, terms: Terms) -> Move:
    """Return the Move after one that the store cannot take: the node fails for good.

    It carries nothing of what the handler left behind, so it is not refused for the same reason.
    """
    error = ErrorRecord(type="StoreRefused", message=reason, retryable=False)
    return _fail(plan, held, Failed(error), terms)


def next_chunk(plan: Plan, moved: Move, terms: Terms) -> Move | None:
    """Return the Move for the next chunk of a fan-out, or None after the last."""
    if moved.next_cursor == NO_CURSOR:
        return None
    move = Move(
        execution=moved.execution,
        key=moved.key,
        expect=(moved.to,),
        to=moved.to,
        token=moved.new_token,
        new_token=moved.new_token,
        cursor=moved.next_cursor,
        number=moved.number,
    )
    return _with_edges(move, plan, terms)


def on_due(due: Due, plan: Plan, terms: Terms) -> Move:
    """Return the Move for a node whose deadline passed.

    It expires a lease, wakes a retry, dispatches again, or goes on with a fan-out.
    """
    if due.cursor != NO_CURSOR:
        return _resume_fan_out(due, plan, terms)
    node = plan.nodes[due.key]
    if due.state is NodeState.RUNNING and due.lost + 1 >= terms.max_lost:
        return _give_up(due, plan, terms)
    return Move(
        due.execution,
        due.key,
        expect=(due.state,),
        to=NodeState.READY,
        token=due.token,
        # The token stays, so that a late result of the lost lease is still known as that.
        new_token=due.token,
        deadline_ms=terms.ready_ms,
        queue=node.queue,
        handler=node.handler,
        charge=Charge.LOST if due.state is NodeState.RUNNING else Charge.NONE,
        if_due=True,
        number=due.number,
    )


def close(due: Due, token: int) -> Move:
    """Return the Move that ends an open node of a halted execution; it needs no plan.

    A RUNNING one is cancelled only once its lease ran out. A fan-out fires nothing more: the store
    ends it, with no edges.
    """
    if due.cursor != NO_CURSOR:
        return _same_state(due)
    running = due.state is NodeState.RUNNING
    return Move(
        due.execution,
        due.key,
        expect=(due.state,),
        to=NodeState.CANCELLED,
        token=due.token,
        new_token=due.token if running else token,
        if_due=running,
        detail=_text({"reason": str(due.halt)}),
        number=due.number,
    )


def halt_error(halt: Halt) -> ErrorRecord:
    """Return the error of a node that was interrupted because its execution was halted."""
    if halt is Halt.TIMEOUT:
        return ErrorRecord(
            type="ExecutionTimeout", message="the execution's timeout passed", retryable=False
        )
    return ErrorRecord(type="Cancelled", message="the execution was cancelled", retryable=False)


def _end(held: Lease | Due, to: NodeState) -> Move:
    move = Move(held.execution, held.key, _RUNNING_OR_LATE, to, held.token, held.token)
    move.number = held.number
    return move


def _with_edges(move: Move, plan: Plan, terms: Terms) -> Move:
    """Give a Move the chunk of edges that its cursor stands at, and the cursor of the next."""
    edges, kind = _edges_after(plan, move.key, move.to)
    begin = max(move.cursor, 0)
    end = begin + terms.chunk
    chunk = edges[begin:end]
    if kind is not EdgeKind.OK:
        chunk = tuple([edge._replace(kind=kind) for edge in chunk])
    move.edges = chunk
    move.next_cursor = end if end < len(edges) else NO_CURSOR
    move.lease_ms = terms.lease_ms
    move.ready_ms = terms.ready_ms
    return move


def _edges_after(plan: Plan, key: str, state: NodeState) -> tuple[tuple[Edge, ...], EdgeKind]:
    """Return a node's edges, and as what they count for its successors after the way it ended."""
    if key == START:
        return plan.roots, EdgeKind.OK
    node = plan.nodes[key]
    if state is NodeState.CANCELLED:
        return (), EdgeKind.OK
    if state is NodeState.SKIPPED:
        return node.edges, EdgeKind.SKIPPED
    if state is NodeState.FAILED and node.on_error == "fail":
        return node.edges, EdgeKind.FAILED
    return node.edges, EdgeKind.OK


def _fail(plan: Plan, held: Lease, outcome: Failed, terms: Terms) -> Move:
    move = _end(held, NodeState.FAILED)
    _set_failure(move, plan.nodes[held.key], outcome)
    move.charge = Charge.FAILURE
    return _with_edges(move, plan, terms)


def _set_failure(move: Move, node: PlanNode, outcome: Failed) -> None:
    move.error = _text(outcome.error)
    move.fails = node.on_error == "fail"
    move.detail = _failure_detail(outcome)


def _failure_detail(outcome: Failed, **more: Any) -> str:
    detail = {"error": outcome.error, **more}
    return _text(detail | {"log": outcome.log} if outcome.log else detail)


def _release(node: PlanNode, held: Lease, outcome: Release, terms: Terms, token: int) -> Move:
    waits = outcome.wait_ms > 0
    return Move(
        held.execution,
        held.key,
        expect=_RUNNING,
        to=NodeState.WAITING if waits else NodeState.READY,
        token=held.token,
        new_token=token,
        deadline_ms=outcome.wait_ms if waits else terms.ready_ms,
        queue=node.queue,
        handler=node.handler,
        detail=_release_detail(outcome),
        number=held.number,
    )


def _release_detail(outcome: Release) -> str | None:
    wait_ms, reason, log = outcome
    said = {"released": reason, "resumes_in_ms": wait_ms, "log": log}
    detail = {name: value for name, value in said.items() if value}
    return _text(detail) if detail else None


def _retry_delay(
    node: PlanNode, held: Lease, outcome: Failed, terms: Terms, chance: float
) -> float | None:
    return retry_delay(
        node.retry,
        terms.retry,
        outcome.error,
        held.failures + 1,
        held.age_ms / 1000 + outcome.took,
        outcome.retry_after,
        chance,
    )


def _retry(held: Lease, outcome: Failed, delay: float, token: int) -> Move:
    wait_ms = round(delay * 1000)
    return Move(
        held.execution,
        held.key,
        expect=_RUNNING_OR_LATE,
        to=NodeState.WAITING,
        token=held.token,
        new_token=token,
        deadline_ms=wait_ms,
        charge=Charge.FAILURE,
        error=_text(outcome.error),
        detail=_failure_detail(outcome, retry_in_ms=wait_ms),
        number=held.number,
    )


def _give_up(due: Due, plan: Plan, terms: Terms) -> Move:
    error = ErrorRecord(
        type="WorkerLost",
        message=f"{due.lost + 1} workers died or froze while they ran this node",
        retryable=False,
    )
    move = _end(due, NodeState.FAILED)
    _set_failure(move, plan.nodes[due.key], Failed(error))
    move.expect, move.charge, move.if_due = _RUNNING, Charge.LOST, True
    return _with_edges(move, plan, terms)


def _resume_fan_out(due: Due, plan: Plan, terms: Terms) -> Move:
    move = _same_state(due)
    move.if_due = True
    return _with_edges(move, plan, terms)


def _same_state(due: Due) -> Move:
    """Return a Move that changes only the cursor."""
    return Move(
        due.execution,
        due.key,
        expect=(due.state,),
        to=due.state,
        token=due.token,
        new_token=due.token,
        cursor=due.cursor,
        number=due.number,
    )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
