"""What follows from what happened to a node: one Move, by pure functions."""

import json
from typing import Any

import pytest

from tests.engine.documents import Json, node, workflow
from wfcore.engine.decide import (
    Completed,
    Failed,
    Interrupted,
    Outcome,
    Release,
    Skipped,
    Terms,
    close,
    decide,
    halt_error,
    lease,
    next_chunk,
    on_due,
    start,
)
from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.engine.retry import RetryDefaults
from wfcore.errors import ErrorRecord
from wfcore.plugins.manager import load_plugins
from wfcore.store.contract import NO_CURSOR, START, Charge, Due, EdgeKind, Halt, Lease, Move
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits
from wfcore.workflow.states import NodeState

TERMS = Terms(lease_ms=1_000, ready_ms=9_000, max_lost=3, chunk=4, retry=RetryDefaults(1, 2.0, 0.0))
ERROR = ErrorRecord(type="Boom", message="why", retryable=True)
FINAL = ErrorRecord(type="Boom", message="why", retryable=False)
RUNNING, READY, WAITING = NodeState.RUNNING, NodeState.READY, NodeState.WAITING


def plan_of(*nodes: Json) -> Plan:
    return Prover(load_plugins(), Templating(), Limits()).prove(workflow(*nodes), "hash")


def pair(**fields: Any) -> Plan:
    return plan_of(node("a", "input", **fields), node("b", "input", "a"))


HELD = Lease("x", "a", 7, 1, failures=0, lost=0, ok=1, failed=0, skipped=0, age_ms=0, number=1)


def follows(plan: Plan, outcome: Outcome, held: Lease = HELD, chance: float = 0.5) -> Move:
    return decide(plan, held, outcome, TERMS, 99, chance)


def due(state: NodeState, **fields: Any) -> Due:
    known: dict[str, Any] = {"attempt": 1, "failures": 0, "lost": 0, "cursor": NO_CURSOR}
    known |= {"execution": "x", "key": "a", "token": 7, "halt": Halt.NONE, "plan": "hash"}
    known |= {"number": 1} | fields
    return Due(state=state, **known)


@pytest.mark.parametrize(
    ("outcome", "on_error", "to", "kinds"),
    [
        (Completed("{}"), "fail", NodeState.COMPLETED, [EdgeKind.OK]),
        (Skipped("why"), "fail", NodeState.SKIPPED, [EdgeKind.SKIPPED]),
        (Failed(FINAL), "fail", NodeState.FAILED, [EdgeKind.FAILED]),
        (Failed(FINAL), "continue", NodeState.FAILED, [EdgeKind.OK]),
        (Interrupted(FINAL), "fail", NodeState.CANCELLED, []),
    ],
)
def test_an_end_is_counted_by_the_successors(
    outcome: Outcome, on_error: str, to: NodeState, kinds: list[EdgeKind]
) -> None:
    move = follows(pair(on_error=on_error), outcome)

    assert move.to is to
    assert [edge.kind for edge in move.edges] == kinds
    assert (move.token, move.new_token) == (7, 7)
    assert move.deadline_ms is None
    assert move.fails == (isinstance(outcome, Failed) and on_error == "fail")


@pytest.mark.parametrize("outcome", [Completed("{}"), Skipped("why"), Failed(ERROR), Failed(FINAL)])
def test_a_late_result_is_offered_to_a_node_that_nobody_took_since(outcome: Outcome) -> None:
    assert follows(pair(), outcome).expect == (RUNNING, READY)


@pytest.mark.parametrize("outcome", [Interrupted(FINAL), Release()])
def test_a_late_interruption_changes_nothing(outcome: Outcome) -> None:
    assert follows(pair(), outcome).expect == (RUNNING,)


def test_a_retry_waits_charged_with_a_fresh_token() -> None:
    move = follows(pair(), Failed(ERROR, log=("INFO so far",)))

    assert (move.to, move.deadline_ms, move.charge) == (WAITING, 1_000, Charge.FAILURE)
    assert (move.token, move.new_token) == (7, 99)
    assert move.edges == ()
    assert json.loads(move.error or "") == ERROR
    assert json.loads(move.detail or "") == {
        "error": ERROR,
        "retry_in_ms": 1_000,
        "log": ["INFO so far"],
    }


def test_the_last_failure_ends_the_node() -> None:
    move = follows(pair(), Failed(ERROR), HELD._replace(failures=1))

    assert (move.to, move.charge) == (NodeState.FAILED, Charge.FAILURE)


def test_the_total_timeout_counts_the_attempt_that_just_failed() -> None:
    plan = pair(retry={"max_attempts": 9, "initial_interval": 0, "total_timeout": 10})

    assert follows(plan, Failed(ERROR, took=9.9)).to is WAITING
    assert follows(plan, Failed(ERROR, took=10.1)).to is NodeState.FAILED
    assert (
        follows(plan, Failed(ERROR, took=5.1), HELD._replace(age_ms=5_000)).to is NodeState.FAILED
    )


@pytest.mark.parametrize(
    ("outcome", "to", "deadline"), [(Release(), READY, 9_000), (Release(50), WAITING, 50)]
)
def test_what_is_given_back_is_not_charged(outcome: Outcome, to: NodeState, deadline: int) -> None:
    move = follows(pair(), outcome)

    assert (move.to, move.deadline_ms, move.charge) == (to, deadline, Charge.NONE)
    assert move.new_token == 99


def test_a_lease_is_charged_as_an_attempt() -> None:
    move = lease("x", "a", 5, TERMS)

    assert (move.expect, move.to, move.new_token) == ((READY,), RUNNING, 5)
    assert (move.charge, move.deadline_ms) == (Charge.ATTEMPT, 1_000)


def test_an_execution_starts_with_its_roots_by_the_triggers_token() -> None:
    plan = plan_of(node("a", "input"), node("b", "input"), node("c", "input", "a", "b"))

    move = start(plan, "x", "{}", 42, TERMS)

    assert (move.key, move.expect, move.new_token) == (START, (NodeState.PENDING,), 42)
    assert [edge.key for edge in move.edges] == ["a", "b"]
    assert {edge.deps for edge in move.edges} == {1}


def test_a_wide_fan_out_goes_in_chunks_that_cover_every_successor_once() -> None:
    leaves = [node(f"leaf{at}", "input", "a") for at in range(10)]
    plan = plan_of(node("a", "input"), *leaves)
    moves: list[Move] = []
    move: Move | None = follows(plan, Completed("{}"))
    while move is not None:
        moves.append(move)
        move = next_chunk(plan, move, TERMS)

    assert [edge.key for each in moves for edge in each.edges] == [leaf["id"] for leaf in leaves]
    assert [(each.cursor, each.next_cursor) for each in moves] == [(-1, 4), (4, 8), (8, -1)]
    assert {each.new_token for each in moves} == {7}
    assert moves[1].output is None


@pytest.mark.parametrize(
    ("state", "charge"),
    [(READY, Charge.NONE), (WAITING, Charge.NONE), (RUNNING, Charge.LOST)],
)
def test_what_is_due_becomes_ready_again_if_it_still_is_due(
    state: NodeState, charge: Charge
) -> None:
    move = on_due(due(state), pair(), TERMS)

    assert (move.expect, move.to, move.charge) == ((state,), READY, charge)
    assert move.if_due
    # The token stays, so that a late result of a lost lease is still known as that.
    assert (move.token, move.new_token) == (7, 7)
    assert (move.queue, move.handler, move.deadline_ms) == ("default", "input", 9_000)


def test_a_node_that_loses_its_worker_too_often_fails() -> None:
    move = on_due(due(RUNNING, lost=2), pair(), TERMS)

    assert (move.to, move.expect, move.if_due) == (NodeState.FAILED, (RUNNING,), True)
    assert (move.charge, move.fails) == (Charge.LOST, True)
    assert json.loads(move.error or "")["type"] == "WorkerLost"
    assert [edge.kind for edge in move.edges] == [EdgeKind.FAILED]


def test_a_fan_out_that_stopped_goes_on_at_its_cursor() -> None:
    plan = plan_of(node("a", "input"), *(node(f"leaf{at}", "input", "a") for at in range(6)))

    move = on_due(due(NodeState.COMPLETED, cursor=4), plan, TERMS)

    assert [edge.key for edge in move.edges] == ["leaf4", "leaf5"]
    assert (move.cursor, move.next_cursor, move.if_due) == (4, NO_CURSOR, True)


@pytest.mark.parametrize("halt", [Halt.CANCEL, Halt.TIMEOUT])
def test_what_a_halted_execution_left_open_is_cancelled(halt: Halt) -> None:
    waiting = close(due(WAITING, halt=halt), 99)
    running = close(due(RUNNING, halt=halt), 99)
    fanning = close(due(NodeState.COMPLETED, halt=halt, cursor=4), 99)

    assert (waiting.to, waiting.new_token, waiting.if_due) == (NodeState.CANCELLED, 99, False)
    assert (running.to, running.new_token, running.if_due) == (NodeState.CANCELLED, 7, True)
    assert (fanning.to, fanning.edges, fanning.next_cursor) == (NodeState.COMPLETED, (), NO_CURSOR)
    assert halt_error(halt)["retryable"] is False


def test_decisions_leave_the_plan_as_it_was() -> None:
    plan = pair()
    before = plan.nodes["a"]._replace()

    follows(plan, Failed(FINAL))
    follows(plan, Skipped("why"))

    assert plan.nodes["a"] == before
    assert [edge.kind for edge in plan.nodes["a"].edges] == [EdgeKind.OK]


@pytest.mark.parametrize(
    "outcome",
    [
        Completed("{}"),
        Skipped("why"),
        Failed(FINAL),
        Failed(ERROR),
        Interrupted(FINAL),
        Release(),
    ],
    ids=["completed", "skipped", "failed", "retried", "interrupted", "released"],
)
def test_what_follows_is_for_the_execution_of_the_lease(outcome: Outcome) -> None:
    assert follows(pair(), outcome, HELD._replace(number=5)).number == 5


@pytest.mark.parametrize("fields", [{}, {"lost": 2}, {"cursor": 0}], ids=str)
def test_what_is_done_about_what_is_due_is_for_its_execution(fields: Any) -> None:
    late = due(RUNNING, number=5, **fields)
    assert on_due(late, pair(), TERMS).number == 5
    assert close(late._replace(halt=Halt.CANCEL), 99).number == 5
