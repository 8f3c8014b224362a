"""Counters of dependencies, thresholds, and what is kept of the successors that fire."""

import asyncio
from itertools import permutations

import pytest

from wfcore.store.contract import Code, EdgeKind, Fired
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X, fired, kept
from wfcore.testing.conformance.moves import edge
from wfcore.workflow.states import NodeState, Status

OK, FAILED, SKIPPED = EdgeKind.OK, EdgeKind.FAILED, EdgeKind.SKIPPED
KEYS = ("a", "b", "c")


class ThresholdsCases:
    """When a join can be judged."""

    @pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
    async def test_a_join_of_all_fires_with_the_last_in_any_order(
        self, lab: Lab, order: tuple[int, ...]
    ) -> None:
        await lab.running(*KEYS)
        answers = [
            fired(await lab.done(moves.complete(X, KEYS[i], 11 + i, [edge("z", deps=3)])))
            for i in order
        ]
        assert answers == [[], [], ["z"]]

    @pytest.mark.parametrize("kinds", [(OK, FAILED, SKIPPED), (FAILED, FAILED, FAILED)], ids=str)
    async def test_every_kind_of_end_counts_toward_all(
        self, lab: Lab, kinds: tuple[EdgeKind, ...]
    ) -> None:
        await lab.running(*KEYS)
        answers = [
            fired(await lab.done(moves.complete(X, key, token, [edge("z", kind, deps=3)])))
            for token, (key, kind) in enumerate(zip(KEYS, kinds, strict=True), 11)
        ]
        assert answers == [[], [], ["z"]]
        lease = (await lab.done(moves.lease(X, "z", 50))).lease
        assert lease is not None
        counted = (lease.ok, lease.failed, lease.skipped)
        assert counted == tuple(kinds.count(kind) for kind in (OK, FAILED, SKIPPED))

    async def test_a_join_of_any_fires_with_the_first_success(self, lab: Lab) -> None:
        await lab.running(*KEYS)
        move = moves.skip(X, "a", 11, [edge("z", SKIPPED, deps=3, need=1)])
        assert fired(await lab.done(move)) == []
        move = moves.complete(X, "b", 12, [edge("z", OK, deps=3, need=1)])
        assert fired(await lab.done(move)) == ["z"]

    async def test_a_join_of_any_without_success_fires_with_the_last(self, lab: Lab) -> None:
        await lab.running(*KEYS)
        answers = [
            fired(await lab.done(moves.fail(X, key, 11 + i, [edge("z", FAILED, deps=3, need=1)])))
            for i, key in enumerate(KEYS)
        ]
        assert answers == [[], [], ["z"]]

    async def test_a_failure_alone_is_no_success(self, lab: Lab) -> None:
        await lab.running("a", "b")
        move = moves.complete(X, "a", 11, [edge("z", FAILED, deps=2, need=1)])
        assert fired(await lab.done(move)) == []

    @pytest.mark.parametrize("stage", ["ready", "running", "terminal"])
    async def test_late_edges_do_not_open_their_target_again(self, lab: Lab, stage: str) -> None:
        await lab.running(*KEYS)
        any_of = edge("z", deps=3, need=1)
        await lab.done(moves.complete(X, "a", 11, [any_of]))
        if stage != "ready":
            await lab.done(moves.lease(X, "z", 50))
        if stage == "terminal":
            await lab.done(moves.complete(X, "z", 50))
        before = await lab.node("z"), await lab.values("z")
        for key, token in (("b", 12), ("c", 13)):
            reply = await lab.done(moves.complete(X, key, token, [any_of], keep=1, keep_token=70))
            assert (fired(reply), kept(reply)) == ([], [])
        assert (await lab.node("z"), await lab.values("z")) == before
        terminal = stage == "terminal"
        assert (await lab.record()).active == (0 if terminal else 1)
        assert (await lab.record()).status is (Status.COMPLETED if terminal else Status.RUNNING)

    async def test_a_waiting_target_is_not_opened_by_late_edges(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.done(moves.complete(X, "a", 11, [edge("z", deps=2, need=1)]))
        await lab.done(moves.lease(X, "z", 50))
        await lab.done(moves.retry(X, "z", 50, 51))
        await lab.done(moves.complete(X, "b", 12, [edge("z", deps=2, need=1)]))
        assert await lab.state("z") == NodeState.WAITING

    async def test_four_racing_predecessors_fire_their_target_once(self, lab: Lab) -> None:
        keys = ("a", "b", "c", "d")
        await lab.running(*keys)
        ends = [
            moves.complete(X, key, 11 + i, [edge("z", deps=4)], keep=1, keep_token=100 + i)
            for i, key in enumerate(keys)
        ]
        replies = await asyncio.gather(*(lab.apply(move) for move in [*ends, *ends]))
        leases = {item for reply in replies for item in kept(reply)}
        assert len(leases) == 1
        assert sorted(reply.code for reply in replies) == [Code.AGAIN] * 4 + [Code.OK] * 4
        assert (await lab.node("z")).attempt == 1


class KeepCases:
    """Successors that are leased to whoever freed them."""

    async def test_at_most_keep_successors_are_leased_to_the_caller(self, lab: Lab) -> None:
        await lab.running("a")
        edges = [edge(key) for key in "bcde"]
        reply = await lab.done(moves.complete(X, "a", 11, edges, keep=2, keep_token=700))
        assert kept(reply) == [("b", 700), ("c", 701)]
        assert fired(reply) == ["d", "e"]
        _, states = await lab.store.results(X, list("bcde"))
        assert [states[key].state for key in "bcde"] == ["RUNNING"] * 2 + ["READY"] * 2

    async def test_keep_zero_leases_nothing(self, lab: Lab) -> None:
        await lab.running("a")
        reply = await lab.done(moves.complete(X, "a", 11, [edge("b")]))
        assert (fired(reply), kept(reply)) == (["b"], [])

    async def test_an_edge_that_the_worker_cannot_run_is_fired_instead(self, lab: Lab) -> None:
        await lab.running("a")
        edges = [edge("b", keep=False), edge("c")]
        reply = await lab.done(moves.complete(X, "a", 11, edges, keep=2, keep_token=700))
        assert (fired(reply), kept(reply)) == (["b"], [("c", 700)])

    async def test_a_target_that_does_not_fire_uses_no_token(self, lab: Lab) -> None:
        await lab.running("a")
        edges = [edge("b", deps=2), edge("c")]
        reply = await lab.done(moves.complete(X, "a", 11, edges, keep=1, keep_token=700))
        assert kept(reply) == [("c", 700)]

    async def test_a_kept_lease_is_the_first_attempt_and_holds(self, lab: Lab) -> None:
        await lab.running("a")
        reply = await lab.done(moves.complete(X, "a", 11, [edge("b")], keep=1, keep_token=700))
        (lease,) = reply.kept
        assert (lease.attempt, lease.failures, lease.lost, lease.age_ms) == (1, 0, 0, 0)
        assert (await lab.node("b")).started is not None
        assert lab.store.renew([moves.ref(X, "b", 700)], moves.LONG) == [True]
        await lab.done(moves.complete(X, "b", 700))

    async def test_fired_successors_name_their_queue_and_handler(self, lab: Lab) -> None:
        await lab.running("a")
        target = edge("b")._replace(queue="gpu", handler="call_llm")
        reply = await lab.done(moves.complete(X, "a", 11, [target]))
        assert list(reply.fired) == [Fired("b", "gpu", "call_llm")]
        again = await lab.apply(moves.complete(X, "a", 11, [target]))
        assert list(again.fired) == [Fired("b", "gpu", "call_llm")]


class StatusCases:
    """How an execution ends, and when."""

    """Law: from the first Move on, `active` is 0 exactly when the execution has ended."""

    async def test_active_counts_ready_running_and_waiting_nodes(self, lab: Lab) -> None:
        await lab.running("a", "b", "c")
        await lab.done(moves.retry(X, "a", 11, 12))
        assert (await lab.record()).active == 3
        await lab.done(moves.complete(X, "b", 12, [edge("d"), edge("e", deps=2)]))
        assert (await lab.record()).active == 3
        listed = await lab.store.active(X, 10)
        assert sorted((item.key, str(item.state)) for item in listed) == [
            ("a", "WAITING"),
            ("c", "RUNNING"),
            ("d", "READY"),
        ]
        assert len(await lab.store.active(X, 2)) == 2

    async def test_it_completes_with_its_last_node(self, lab: Lab) -> None:
        await lab.running("a", "b")
        first = await lab.done(moves.complete(X, "a", 11))
        assert first.status is Status.RUNNING
        await lab.elapse(moves.BRIEF)
        last = await lab.done(moves.skip(X, "b", 12))
        assert last.status is Status.COMPLETED
        record = await lab.record()
        assert (record.active, record.failures, record.status) == (0, 0, Status.COMPLETED)
        assert record.started is not None
        assert record.ended is not None
        assert lab.is_close(record.ended - record.started, moves.BRIEF)

    async def test_one_failure_that_counts_fails_it_at_the_end(self, lab: Lab) -> None:
        await lab.running("a", "b")
        assert (await lab.done(moves.fail(X, "a", 11))).status is Status.RUNNING
        assert (await lab.done(moves.complete(X, "b", 12))).status is Status.FAILED
        assert (await lab.record()).failures == 1

    async def test_a_failure_that_does_not_count_leaves_it_completed(self, lab: Lab) -> None:
        await lab.running("a")
        reply = await lab.done(moves.fail(X, "a", 11, fails=False))
        assert reply.status is Status.COMPLETED
        result = (await lab.store.results(X, ["a"])).nodes["a"]
        assert (result.state, result.output, result.error) == ("FAILED", None, '{"type":"Boom"}')

    async def test_a_start_without_roots_ends_at_once(self, lab: Lab) -> None:
        await lab.created()
        reply = await lab.done(moves.start(X, []))
        assert reply.status is Status.COMPLETED
        assert (await lab.record()).ended is not None

    async def test_executions_do_not_touch_each_other(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.store.create(moves.new("x2"))
        await lab.done(moves.start("x2", [edge("a"), edge("b")]))
        await lab.done(moves.complete(X, "a", 11))
        other = await lab.store.read("x2")
        assert other is not None
        assert (other.active, other.status, other.seq) == (2, Status.RUNNING, 1)
        await lab.refused(moves.complete("x2", "a", 11), Code.STALE)
