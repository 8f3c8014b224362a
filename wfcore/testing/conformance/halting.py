"""Halts: nothing new opens, what is open is brought to an end, the reason stays the first."""

import pytest

from wfcore.store.contract import Code, Halt
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X, dump, fired, kept
from wfcore.testing.conformance.moves import BRIEF, edge
from wfcore.workflow.states import NodeState, Status

REASONS = pytest.mark.parametrize(
    ("halt", "status"), [(Halt.CANCEL, Status.CANCELLED), (Halt.TIMEOUT, Status.FAILED)]
)


class RefusalsCases:
    """A halted execution opens no further node."""

    @REASONS
    async def test_no_node_becomes_active(
        self,
        lab: Lab,
        halt: Halt,
        status: Status,  # noqa: ARG002 - of the reasons, for the other cases
    ) -> None:
        await lab.started("a", "b", "c")
        await lab.done(moves.lease(X, "a", 21))
        await lab.done(moves.lease(X, "b", 22, lease_ms=BRIEF))
        reply = await lab.store.halt(X, halt)
        assert (reply.code, reply.status, reply.plan) == (Code.OK, Status.RUNNING, "p1")
        await lab.elapse(BRIEF)
        await lab.refused(moves.lease(X, "c", 23), Code.HALTED)
        await lab.refused(moves.retry(X, "a", 21, 31), Code.HALTED)
        await lab.refused(moves.expire(X, "b", 22), Code.HALTED)

    async def test_a_result_is_written_but_opens_nothing(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.store.halt(X, Halt.CANCEL)
        move = moves.complete(X, "a", 11, [edge("z")], keep=1, keep_token=70)
        reply = await lab.done(move)
        assert (fired(reply), kept(reply)) == ([], [])
        assert await lab.values("a") == '{"by":11}'
        assert "z" not in (await lab.store.results(X, ["z"])).nodes
        assert (await lab.event()).fired == ()

    @REASONS
    async def test_a_pending_execution_ends_at_once_and_never_starts(
        self, lab: Lab, halt: Halt, status: Status
    ) -> None:
        await lab.created()
        reply = await lab.store.halt(X, halt)
        assert (reply.code, reply.status) == (Code.OK, status)
        record = await lab.record()
        assert (record.status, record.active, record.started) == (status, 0, None)
        assert record.ended is not None
        await lab.refused(moves.start(X, [edge("a")]), Code.HALTED)
        assert await lab.due() == []

    async def test_a_repeat_of_an_earlier_move_is_still_answered(self, lab: Lab) -> None:
        await lab.started("a")
        move = moves.lease(X, "a", 21)
        first = await lab.done(move)
        await lab.store.halt(X, Halt.CANCEL)
        await lab.repeated(move, first)

    async def test_leases_are_not_renewed(self, lab: Lab) -> None:
        await lab.running("a")
        assert lab.store.renew([moves.ref(X, "a", 11)], 1_000) == [True]
        await lab.store.halt(X, Halt.CANCEL)
        assert lab.store.renew([moves.ref(X, "a", 11)], 1_000) == [False]


class ReasonsCases:
    """Why an execution was halted, and how it ends by that."""

    async def test_a_repeat_changes_nothing(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL)
        before = await dump(lab.store, X)
        reply = await lab.store.halt(X, Halt.CANCEL)
        assert (reply.code, reply.status) == (Code.AGAIN, Status.RUNNING)
        assert await dump(lab.store, X) == before

    async def test_a_repeat_after_the_end_is_known_as_a_repeat(self, lab: Lab) -> None:
        await lab.created()
        await lab.store.halt(X, Halt.CANCEL)
        before = await dump(lab.store, X)
        reply = await lab.store.halt(X, Halt.CANCEL)
        assert (reply.code, reply.status) == (Code.AGAIN, Status.CANCELLED)
        assert await dump(lab.store, X) == before
        assert await lab.due() == []

    async def test_the_first_reason_stays(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.TIMEOUT)
        assert (await lab.store.halt(X, Halt.CANCEL)).code is Code.AGAIN
        assert (await lab.record()).halt is Halt.TIMEOUT
        assert (await lab.done(moves.complete(X, "a", 11))).status is Status.FAILED

    async def test_an_execution_that_ended_by_itself_refuses(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(moves.complete(X, "a", 11))
        before = await dump(lab.store, X)
        reply = await lab.store.halt(X, Halt.CANCEL)
        assert (reply.code, reply.status) == (Code.STALE, Status.COMPLETED)
        assert await dump(lab.store, X) == before

    async def test_a_halt_of_an_unknown_execution_is_gone(self, lab: Lab) -> None:
        assert (await lab.store.halt("nowhere", Halt.CANCEL)).code is Code.GONE

    @REASONS
    async def test_it_ends_with_the_last_open_node(
        self, lab: Lab, halt: Halt, status: Status
    ) -> None:
        await lab.started("a", "b", "c")
        await lab.done(moves.lease(X, "a", 21))
        await lab.done(moves.lease(X, "b", 22))
        await lab.done(moves.retry(X, "b", 22, 32))
        await lab.store.halt(X, halt)
        await lab.done(moves.cancel(X, "c", NodeState.READY, 0, 41))
        await lab.done(moves.cancel(X, "b", NodeState.WAITING, 32, 42))
        reply = await lab.done(moves.close(X, "a", 21))
        assert reply.status is status
        _, found = await lab.store.results(X, ["a", "b", "c"])
        assert {item.state for item in found.values()} == {NodeState.CANCELLED}
        assert found["a"].error == '{"type":"Cancelled"}'

    async def test_a_cancelled_execution_is_cancelled_whatever_failed(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL)
        assert (await lab.done(moves.fail(X, "a", 11))).status is Status.CANCELLED

    async def test_a_timed_out_execution_fails_even_if_all_completed(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.TIMEOUT)
        assert (await lab.done(moves.complete(X, "a", 11))).status is Status.FAILED


class SweepCases:
    """A halted execution is due until its open nodes are closed."""

    async def test_the_execution_is_due_until_its_sweep_is_done(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL)
        (found,), _ = await lab.store.due(10)
        assert (found.execution, found.key, found.halt, found.plan) == (X, "", Halt.CANCEL, "p1")
        await lab.store.halt(X, Halt.CANCEL, None)
        assert await lab.due() == []

    async def test_a_sweep_can_be_put_off(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL, BRIEF)
        assert await lab.due() == []
        await lab.elapse(BRIEF)
        assert await lab.due() == [("", "PENDING")]
        await lab.store.halt(X, Halt.CANCEL, BRIEF)
        assert await lab.due() == []

    async def test_the_end_takes_the_execution_off_the_list(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL)
        await lab.done(moves.complete(X, "a", 11))
        assert await lab.due() == []

    async def test_what_is_due_says_that_its_execution_is_halted(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.store.halt(X, Halt.TIMEOUT, None)
        await lab.elapse(BRIEF)
        (found,), _ = await lab.store.due(10)
        assert (found.key, found.state, found.halt) == ("a", NodeState.RUNNING, Halt.TIMEOUT)

    async def test_a_halt_leaves_one_event_without_a_node(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.halt(X, Halt.CANCEL)
        await lab.store.halt(X, Halt.CANCEL)
        event = await lab.event()
        assert (event.seq, event.key, event.before, event.to) == (3, "", None, None)
        assert (event.detail, event.status) == ({"halt": "cancel"}, Status.RUNNING)
