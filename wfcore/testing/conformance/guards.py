"""Each check that a Move passes before it is applied, met alone.

Outcomes prove little here: with a check removed, whole executions still end well, since deadlines
heal them. `test_mutations.py` takes each check out and sees that a case of this suite goes red.
"""

import dataclasses

import pytest

from wfcore.errors import CommandRefused
from wfcore.store.contract import START, Charge, Code, Lease, Move
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X, dump, fired, kept
from wfcore.testing.conformance.moves import BRIEF, LONG, edge
from wfcore.workflow.states import NodeState, Status


class StateCases:
    """A Move is applied to a node in the state that it expects, or not at all."""

    async def test_a_node_in_another_state_refuses(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.refused(moves.lease(X, "a", 99), Code.STALE)

    async def test_a_node_that_nothing_touched_counts_as_pending(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.refused(moves.lease(X, "b", 99), Code.STALE)
        assert "b" not in (await lab.store.results(X, ["b"])).nodes

    async def test_a_terminal_node_takes_no_result(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.done(moves.complete(X, "a", 11))
        await lab.refused(moves.fail(X, "a", 11), Code.STALE)
        assert await lab.values("a") == '{"by":11}'

    async def test_an_unknown_execution_is_gone(self, lab: Lab) -> None:
        reply = await lab.apply(moves.start("nowhere", [edge("a")]))
        assert reply.code is Code.GONE
        assert await lab.store.read("nowhere") is None
        assert await lab.store.nodes("nowhere", "", 10) == []
        assert await lab.store.events("nowhere", 0, 10) == []
        assert (await lab.store.results("nowhere", ["a"])).nodes == {}
        assert await lab.store.active("nowhere", 10) == []

    async def test_an_execution_that_ended_takes_no_move(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(moves.complete(X, "a", 11))
        stray = dataclasses.replace(moves.lease(X, "b", 12), expect=(NodeState.PENDING,))
        reply = await lab.refused(stray, Code.STALE)
        assert reply.status is Status.COMPLETED


class TokenCases:
    """Tokens tell the lease that counts from all others."""

    async def test_a_result_with_another_token_is_refused(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.refused(moves.complete(X, "a", 12), Code.STALE)

    async def test_a_result_of_an_earlier_lease_is_refused_once_someone_leased(
        self, lab: Lab
    ) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        await lab.done(moves.lease(X, "a", 21))
        await lab.refused(moves.complete(X, "a", 11), Code.STALE)
        await lab.refused(moves.retry(X, "a", 11, 12), Code.STALE)
        await lab.done(moves.complete(X, "a", 21))
        assert await lab.values("a") == '{"by":21}'

    async def test_a_late_result_is_accepted_while_nobody_leased(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        reply = await lab.done(moves.complete(X, "a", 11))
        assert reply.status is Status.COMPLETED
        node = await lab.node("a")
        assert (node.attempt, node.lost) == (1, 1)

    async def test_two_leases_of_one_node_are_given_to_one(self, lab: Lab) -> None:
        await lab.started("a")
        first, second = await lab.store.apply([moves.lease(X, "a", 21), moves.lease(X, "a", 22)])
        assert (first.code, second.code) == (Code.OK, Code.STALE)
        assert first.lease is not None
        assert second.lease is None

    async def test_a_copy_of_a_lease_that_comes_after_a_retry_is_refused(self, lab: Lab) -> None:
        await lab.started("a")
        lease, retry = moves.lease(X, "a", 21), moves.retry(X, "a", 21, 22)
        await lab.done(lease)
        await lab.done(retry)
        await lab.elapse(BRIEF)
        await lab.done(moves.wake(X, "a", 22))
        await lab.refused(lease, Code.STALE)
        await lab.refused(retry, Code.STALE)
        node = await lab.node("a")
        assert (node.state, node.attempt, node.failures) == (NodeState.READY, 1, 1)

    async def test_a_late_lease_with_the_token_of_a_kept_one_is_refused(self, lab: Lab) -> None:
        await lab.created()
        await lab.done(moves.start(X, [edge("a")], keep=1, keep_token=31))
        lab.store.renew([moves.ref(X, "a", 31)], BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 31))
        await lab.refused(moves.lease(X, "a", 31), Code.STALE)

    async def test_token_zero_means_any(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        assert moves.lease(X, "a", 21).token == 0
        await lab.done(moves.lease(X, "a", 21))


class ReplayCases:
    """Every command may be sent twice."""

    async def test_the_same_start_again_starts_nothing_twice(self, lab: Lab) -> None:
        await lab.created()
        move = moves.start(X, [edge("a"), edge("b")])
        await lab.repeated(move, await lab.done(move))

    async def test_another_start_is_refused(self, lab: Lab) -> None:
        await lab.started("a")
        await lab.refused(moves.start(X, [edge("a")], token=2), Code.STALE)

    async def test_the_same_lease_again_answers_with_the_lease(self, lab: Lab) -> None:
        await lab.started("a")
        move = moves.lease(X, "a", 21)
        first = await lab.done(move)
        again = await lab.repeated(move, first)
        assert again.lease is not None
        assert (again.lease.token, again.lease.attempt) == (21, 1)

    async def test_the_same_result_again_reads_fired_and_kept_back(self, lab: Lab) -> None:
        await lab.running("a")
        edges = [edge("b"), edge("c"), edge("d"), edge("e", deps=2)]
        move = moves.complete(X, "a", 11, edges, keep=2, keep_token=500)
        first = await lab.done(move)
        assert (fired(first), kept(first)) == (["d"], [("b", 500), ("c", 501)])
        again = await lab.repeated(move, first)
        assert [(item.attempt, item.ok) for item in again.kept] == [(1, 1), (1, 1)]
        assert again.plan == first.plan

    async def test_a_repeat_does_not_count_its_edges_again(self, lab: Lab) -> None:
        await lab.running("a", "b")
        move = moves.complete(X, "a", 11, [edge("c", deps=2)])
        await lab.repeated(move, await lab.done(move))
        assert await lab.state("c") == NodeState.PENDING
        assert fired(await lab.done(moves.complete(X, "b", 12, [edge("c", deps=2)]))) == ["c"]

    async def test_a_repeat_keeps_only_what_this_move_leased(self, lab: Lab) -> None:
        await lab.running("a")
        move = moves.complete(X, "a", 11, [edge("b"), edge("c")], keep=1, keep_token=500)
        await lab.done(move)
        await lab.done(moves.lease(X, "c", 900))
        again = await lab.apply(move)
        assert (again.code, fired(again), kept(again)) == (Code.AGAIN, [], [("b", 500)])
        await lab.done(moves.complete(X, "b", 500))
        again = await lab.apply(move)
        assert (fired(again), kept(again)) == ([], [])

    async def test_a_repeat_is_answered_after_the_execution_ended(self, lab: Lab) -> None:
        await lab.running("a")
        move = moves.complete(X, "a", 11)
        again = await lab.repeated(move, await lab.done(move))
        assert again.status is Status.COMPLETED

    async def test_a_retry_and_a_wake_are_repeatable(self, lab: Lab) -> None:
        await lab.running("a")
        retry = moves.retry(X, "a", 11, 12)
        await lab.repeated(retry, await lab.done(retry))
        await lab.elapse(BRIEF)
        wake = moves.wake(X, "a", 12)
        await lab.repeated(wake, await lab.done(wake))
        await lab.refused(retry, Code.STALE)
        assert (await lab.node("a")).failures == 1

    async def test_moves_of_one_batch_are_applied_in_order(self, lab: Lab) -> None:
        await lab.created()
        batch = [
            moves.start(X, [edge("a")]),
            moves.lease(X, "a", 21),
            moves.complete(X, "a", 21),
            moves.complete(X, "a", 21),
            moves.complete(X, "a", 22),
        ]
        codes = [reply.code for reply in await lab.store.apply(batch)]
        assert codes == [Code.OK, Code.OK, Code.OK, Code.AGAIN, Code.STALE]

    async def test_no_moves_have_no_replies(self, lab: Lab) -> None:
        assert await lab.store.apply([]) == []


class DueCheckCases:
    """A Move that asks for a passed deadline is refused before that."""

    async def test_an_expiry_before_the_deadline_is_refused(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.refused(moves.expire(X, "a", 11), Code.STALE)

    async def test_an_expiry_cannot_beat_a_renewal(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        assert await lab.due() == [("a", "RUNNING")]
        assert lab.store.renew([moves.ref(X, "a", 11)], LONG) == [True]
        await lab.refused(moves.expire(X, "a", 11), Code.STALE)
        assert await lab.state("a") == NodeState.RUNNING

    async def test_an_expiry_at_the_deadline_frees_the_node(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        move = moves.expire(X, "a", 11)
        await lab.repeated(move, await lab.done(move))
        node = await lab.node("a")
        assert (node.state, node.attempt, node.lost, node.failures) == (NodeState.READY, 1, 1, 0)

    async def test_an_old_expiry_does_not_take_a_new_lease(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        await lab.done(moves.lease(X, "a", 21, lease_ms=BRIEF))
        await lab.elapse(BRIEF)
        await lab.refused(moves.expire(X, "a", 11), Code.STALE)

    async def test_dispatching_again_moves_the_deadline_each_time(self, lab: Lab) -> None:
        await lab.created()
        await lab.done(moves.start(X, [edge("a")], ready_ms=BRIEF))
        for _ in range(2):
            await lab.elapse(BRIEF)
            assert await lab.due() == [("a", "READY")]
            # From READY to READY with the same token: only the deadline tells it from a repeat.
            await lab.done(moves.dispatch_again(X, "a", 0, ready_ms=BRIEF))
            assert await lab.due() == []

    async def test_a_wake_before_its_time_is_refused(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(moves.retry(X, "a", 11, 12))
        await lab.refused(moves.wake(X, "a", 12), Code.STALE)
        await lab.elapse(BRIEF)
        await lab.done(moves.wake(X, "a", 12))

    async def test_a_terminal_node_is_never_due(self, lab: Lab) -> None:
        await lab.running("a", "b", lease_ms=BRIEF)
        await lab.done(moves.complete(X, "a", 11))
        await lab.elapse(BRIEF)
        assert await lab.due() == [("b", "RUNNING")]


class CountersCases:
    """What a node counts, and when it began and ended."""

    @pytest.mark.parametrize(
        ("charge", "expected"),
        [
            (Charge.NONE, (1, 0, 0)),
            (Charge.ATTEMPT, (2, 0, 0)),
            (Charge.FAILURE, (1, 1, 0)),
            (Charge.LOST, (1, 0, 1)),
        ],
    )
    async def test_a_charge_adds_one_to_its_counter(
        self, lab: Lab, charge: Charge, expected: tuple[int, int, int]
    ) -> None:
        await lab.running("a")
        await lab.done(dataclasses.replace(_release("a", 11), charge=charge))
        node = await lab.node("a")
        assert (node.attempt, node.failures, node.lost) == expected

    async def test_a_lease_carries_the_counters_of_its_node(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        await lab.done(moves.lease(X, "a", 21))
        await lab.done(moves.retry(X, "a", 21, 22))
        await lab.elapse(BRIEF)
        await lab.done(moves.wake(X, "a", 22))
        reply = await lab.done(moves.lease(X, "a", 31))
        assert reply.lease is not None
        age = reply.lease.age_ms
        assert reply.lease == Lease(X, "a", 31, 3, 1, 1, 1, 0, 0, age, reply.number)
        assert lab.is_close(age, 2 * BRIEF)

    async def test_a_node_that_is_given_back_was_not_charged(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(_release("a", 11))
        node = await lab.node("a")
        assert (node.state, node.attempt, node.failures, node.lost) == (NodeState.READY, 1, 0, 0)
        assert await lab.due() == []

    async def test_started_is_the_first_lease_and_ended_the_end(self, lab: Lab) -> None:
        await lab.running("a")
        began = (await lab.node("a")).started
        await lab.elapse(BRIEF)
        await lab.done(_release("a", 11))
        await lab.done(moves.lease(X, "a", 21))
        assert (await lab.node("a")).started == began
        assert (await lab.node("a")).ended is None
        await lab.done(moves.complete(X, "a", 21))
        ended = (await lab.node("a")).ended
        assert began is not None
        assert ended is not None
        assert lab.is_close(ended - began, BRIEF)


class WholenessCases:
    """A Move that cannot be applied whole changes nothing."""

    async def test_a_move_whose_detail_is_no_json_changes_nothing(self, lab: Lab) -> None:
        await lab.running("a", "b")
        before = await dump(lab.store, X)
        broken = moves.complete(X, "a", 11, [edge("c")])
        broken.detail = "{"
        with pytest.raises(CommandRefused, match="Expecting"):
            await lab.apply(broken)
        assert await dump(lab.store, X) == before
        await lab.done(moves.complete(X, "a", 11, [edge("c")]))

    async def test_a_move_whose_meters_are_no_numbers_changes_nothing(self, lab: Lab) -> None:
        await lab.running("a", "b")
        before = await dump(lab.store, X)
        broken = moves.complete(X, "a", 11, [edge("c")], meters={"tokens": "many"})  # type: ignore[dict-item]
        with pytest.raises(CommandRefused, match="unsupported operand"):
            await lab.apply(broken)
        assert await dump(lab.store, X) == before
        await lab.done(moves.complete(X, "a", 11, [edge("c")]))

    async def test_the_start_node_is_read_like_any_other(self, lab: Lab) -> None:
        await lab.started("a")
        assert await lab.values(START) == '{"trigger":1}'


def _release(key: str, token: int) -> Move:
    """A worker gives its node back, under a fresh token."""
    return Move(
        X,
        key,
        expect=(NodeState.RUNNING,),
        to=NodeState.READY,
        token=token,
        new_token=token + 1_000,
        deadline_ms=LONG,
        queue="default",
        handler="noop",
    )
