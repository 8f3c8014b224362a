"""Deadlines: what is due, in which order, and how a lease is renewed."""

import asyncio

from wfcore.store.contract import Due, Halt
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X
from wfcore.testing.conformance.moves import BRIEF, LONG, edge
from wfcore.workflow.states import NodeState


class DueCases:
    """What has a passed deadline, and in which order it is listed."""

    async def test_what_is_due_carries_all_that_a_move_needs(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        found, _ = await lab.store.due(10)
        number = (await lab.record()).number
        assert found == [Due(X, "a", NodeState.RUNNING, 11, 1, 0, 0, -1, Halt.NONE, "p1", number)]

    async def test_ready_running_and_waiting_nodes_become_due(self, lab: Lab) -> None:
        await lab.created()
        roots = [edge(key) for key in "abc"]
        await lab.done(moves.start(X, roots, ready_ms=3 * BRIEF))
        await lab.done(moves.lease(X, "a", 21, lease_ms=BRIEF))
        await lab.done(moves.lease(X, "b", 22))
        await lab.done(moves.retry(X, "b", 22, 32, wait_ms=2 * BRIEF))
        assert await lab.due() == []
        for _ in range(3):
            await lab.elapse(BRIEF)
        assert await lab.due() == [("a", "RUNNING"), ("b", "WAITING"), ("c", "READY")]

    async def test_listing_changes_nothing(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        assert await lab.due() == await lab.due() == [("a", "RUNNING")]

    async def test_a_short_page_lists_the_oldest_first(self, lab: Lab) -> None:
        await lab.running("a")
        for number, key in enumerate("dbc"):
            await lab.store.create(moves.new(key))
            ready_ms = BRIEF + 10 * number
            await lab.done(moves.start(key, [edge("r")], ready_ms=ready_ms))
        await lab.elapse(3 * BRIEF)
        found, upcoming = await lab.store.due(2)
        assert [item.execution for item in found] == ["d", "b"]
        assert upcoming == 0
        found, _ = await lab.store.due(10)
        assert [item.execution for item in found] == ["d", "b", "c"]

    async def test_it_says_how_long_until_the_next_deadline(self, lab: Lab) -> None:
        assert await lab.store.due(10) == ([], None)
        await lab.started("a")
        _, upcoming = await lab.store.due(10)
        assert lab.is_close(upcoming, LONG)
        await lab.done(moves.lease(X, "a", 21, lease_ms=5_000))
        _, upcoming = await lab.store.due(10)
        assert lab.is_close(upcoming, 5_000)
        await lab.done(moves.complete(X, "a", 21))
        assert await lab.store.due(10) == ([], None)

    async def test_kept_and_fired_successors_have_deadlines_of_their_own(self, lab: Lab) -> None:
        await lab.running("a")
        move = moves.complete(X, "a", 11, [edge("b"), edge("c")], keep=1, keep_token=70)
        move.lease_ms, move.ready_ms = BRIEF, 2 * BRIEF
        await lab.done(move)
        await lab.elapse(BRIEF)
        assert await lab.due() == [("b", "RUNNING")]
        await lab.elapse(BRIEF)
        assert await lab.due() == [("b", "RUNNING"), ("c", "READY")]

    async def test_many_renewals_leave_one_entry_and_push_no_other_out(self, lab: Lab) -> None:
        await lab.running("a", "b", lease_ms=BRIEF)
        for _ in range(2_500):
            lab.store.renew([moves.ref(X, "a", 11)], BRIEF)
        await lab.elapse(BRIEF)
        assert sorted(await lab.due()) == [("a", "RUNNING"), ("b", "RUNNING")]


class RenewalCases:
    """How leases are renewed."""

    async def test_a_renewed_lease_holds_that_long_from_now(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=2 * BRIEF)
        await lab.elapse(BRIEF)
        assert lab.store.renew([moves.ref(X, "a", 11)], 2 * BRIEF) == [True]
        await lab.elapse(BRIEF)
        assert await lab.due() == []
        await lab.elapse(BRIEF)
        assert await lab.due() == [("a", "RUNNING")]

    async def test_only_the_lease_that_holds_is_renewed(self, lab: Lab) -> None:
        await lab.running("a", "b", "c")
        await lab.done(moves.complete(X, "b", 12))
        await lab.done(moves.retry(X, "c", 13, 23))
        refs = [
            moves.ref(X, "a", 99),
            moves.ref(X, "b", 12),
            moves.ref(X, "c", 13),
            moves.ref(X, "c", 23),
            moves.ref(X, "nothing", 11),
            moves.ref("nowhere", "a", 11),
            moves.ref(X, "a", 11),
        ]
        assert lab.store.renew(refs, LONG) == [False] * 6 + [True]
        assert lab.store.renew([], LONG) == []

    async def test_a_lease_that_ran_out_but_was_not_taken_is_renewed(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        assert lab.store.renew([moves.ref(X, "a", 11)], LONG) == [True]
        assert await lab.due() == []

    async def test_an_expired_lease_is_not_renewed(self, lab: Lab) -> None:
        await lab.running("a", lease_ms=BRIEF)
        await lab.elapse(BRIEF)
        await lab.done(moves.expire(X, "a", 11))
        assert lab.store.renew([moves.ref(X, "a", 11)], LONG) == [False]

    async def test_a_renewal_leaves_no_event(self, lab: Lab) -> None:
        await lab.running("a")
        before = await lab.event()
        lab.store.renew([moves.ref(X, "a", 11)], LONG)
        assert await lab.event() == before

    async def test_it_works_from_a_thread_while_the_loop_is_busy(self, lab: Lab) -> None:
        await lab.running("a")
        beat = asyncio.get_running_loop().run_in_executor(
            None, lab.store.renew, [moves.ref(X, "a", 11)], LONG
        )
        assert lab.store.renew([moves.ref(X, "a", 11)], LONG) == [True]
        assert await beat == [True]


class ExecutionTimeoutCases:
    """The timeout of a whole execution."""

    async def test_it_counts_from_the_first_move(self, lab: Lab) -> None:
        await lab.created(timeout_ms=2 * BRIEF)
        await lab.elapse(3 * BRIEF)
        assert await lab.due() == []
        await lab.done(moves.start(X, [edge("a")]))
        assert await lab.due() == []
        await lab.elapse(2 * BRIEF)
        (found,), _ = await lab.store.due(10)
        number = (await lab.record()).number
        assert found == Due(X, "", NodeState.PENDING, 0, 0, 0, 0, -1, Halt.NONE, "p1", number)

    async def test_the_end_takes_it_away(self, lab: Lab) -> None:
        await lab.started("a", timeout_ms=BRIEF)
        await lab.done(moves.lease(X, "a", 21))
        await lab.done(moves.complete(X, "a", 21))
        await lab.elapse(BRIEF)
        assert await lab.due() == []

    async def test_an_execution_that_ends_as_it_starts_is_never_due(self, lab: Lab) -> None:
        await lab.started(timeout_ms=BRIEF)
        await lab.elapse(BRIEF)
        assert await lab.due() == []
