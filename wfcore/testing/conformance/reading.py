"""What is read back: executions, documents, nodes, results and the event log."""

import sys
from typing import Any

from wfcore.store.contract import START, Code, Halt, NodeResult
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X
from wfcore.testing.conformance.moves import BRIEF, edge
from wfcore.workflow.states import NodeState, Status


class CreateCases:
    """A new execution, and what is read of it."""

    async def test_a_new_execution_is_pending_with_all_that_it_was_given(self, lab: Lab) -> None:
        await lab.created()
        record = await lab.record()
        assert (record.id, record.plan, record.name) == (X, "p1", "a workflow")
        assert (record.labels, record.input) == ({"team": "ä", "tier": "1"}, '{"n":1}')
        assert (record.status, record.halt, record.active) == (Status.PENDING, Halt.NONE, 0)
        assert (record.failures, record.seq, record.notices) == (0, 0, ())
        assert (record.started, record.ended) == (None, None)
        if lab.backend.moves_clock:
            assert record.created == lab.clock()

    async def test_a_repeat_of_the_id_changes_nothing(self, lab: Lab) -> None:
        await lab.created()
        before = await lab.record()
        assert not await lab.store.create(moves.new(X, plan="p2", timeout_ms=1))
        assert await lab.record() == before

    async def test_a_repeat_after_the_trigger_does_not_reset_it(self, lab: Lab) -> None:
        await lab.started("a")
        before = await lab.record()
        assert not await lab.store.create(moves.new(X))
        assert await lab.record() == before
        assert before.status is Status.RUNNING

    async def test_a_repeat_after_the_end_does_not_open_it_again(self, lab: Lab) -> None:
        await lab.started()
        assert not await lab.store.create(moves.new(X))
        assert (await lab.record()).status is Status.COMPLETED

    async def test_documents_are_shared_by_their_hash(self, lab: Lab) -> None:
        await lab.created()
        second = moves.new("x2")
        second.document = "another text that claims the same hash"
        assert await lab.store.create(second)
        assert await lab.store.create(moves.new("x3", plan="p2"))
        texts = ['{"plan":"p1"}', second.document] if lab.backend.in_shards else ['{"plan":"p1"}']
        assert await lab.store.document("p1") in texts
        assert await lab.store.document("p2") == '{"plan":"p2"}'
        assert await lab.store.document("p3") is None

    async def test_an_execution_without_input_has_none(self, lab: Lab) -> None:
        bare = moves.new(X)
        bare.input, bare.labels = None, {}
        await lab.store.create(bare)
        record = await lab.record()
        assert (record.input, record.labels) == (None, {})


class ResultsCases:
    """Where nodes stand and what they left behind."""

    async def test_untouched_nodes_are_missing(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.done(moves.complete(X, "a", 11, [edge("c", deps=2)]))
        _, found = await lab.store.results(X, ["a", "b", "c", "d"])
        assert found == {
            "a": NodeResult(NodeState.COMPLETED, '{"by":11}', None),
            "b": NodeResult(NodeState.RUNNING, None, None),
            "c": NodeResult(NodeState.PENDING, None, None),
        }
        assert (await lab.store.results(X, [])).nodes == {}

    async def test_results_stay_after_the_end(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.done(moves.skip(X, "b", 12))
        await lab.done(moves.fail(X, "a", 11))
        _, found = await lab.store.results(X, ["a", "b", START])
        assert found == {
            "a": NodeResult(NodeState.FAILED, None, '{"type":"Boom"}'),
            "b": NodeResult(NodeState.SKIPPED, None, None),
            START: NodeResult(NodeState.COMPLETED, '{"trigger":1}', None),
        }

    async def test_texts_come_back_as_they_were(self, lab: Lab) -> None:
        await lab.running("a")
        text = '{"data":"' + "ü\u2028\U0001f600\\u0000\\\\" * 5_000 + '"}'
        move = moves.complete(X, "a", 11)
        move.output = text
        await lab.done(move)
        assert await lab.values("a") == text

    async def test_a_thousand_are_read_at_once(self, lab: Lab) -> None:
        keys = [f"n{number}" for number in range(1_100)]
        await lab.started(*keys)
        assert len((await lab.store.results(X, keys)).nodes) == 1_100


class NodesCases:
    """The nodes that something has touched, in pages."""

    async def test_pages_follow_the_order_of_keys(self, lab: Lab) -> None:
        keys = ["b", "a", "Z", "a-1", "get[10]", "get[2]", "loop[0]/call", "é"]
        await lab.started(*keys)
        everything = sorted([*keys, START])
        seen: list[str] = []
        while page := await lab.store.nodes(X, seen[-1] if seen else "", 3):
            assert len(page) <= 3
            seen += [node.key for node in page]
        assert seen == everything

    async def test_they_are_paged_after_the_end_too(self, lab: Lab) -> None:
        await lab.running("a", "b")
        await lab.done(moves.complete(X, "a", 11))
        await lab.done(moves.complete(X, "b", 12))
        assert [node.key for node in await lab.store.nodes(X, "@start", 1)] == ["a"]
        assert [node.key for node in await lab.store.nodes(X, "a", 10)] == ["b"]
        assert {node.state for node in await lab.store.nodes(X, "", 10)} == {"COMPLETED"}


class EventsCases:
    """The event log."""

    async def test_every_move_leaves_exactly_one(self, lab: Lab) -> None:
        await lab.started("a")
        await lab.done(moves.lease(X, "a", 21))
        await lab.elapse(BRIEF)
        end = moves.complete(X, "a", 21, [edge("b"), edge("c"), edge("d", deps=2)])
        end.keep, end.keep_token, end.detail = 1, 70, '{"worker":"w1","n":[1,null]}'
        await lab.done(end)
        await lab.done(moves.fail(X, "b", 70))
        events = await lab.store.events(X, 0, 100)
        seen: list[tuple[Any, ...]] = [
            (e.seq, e.key, e.before, e.to, e.attempt, e.fired, e.kept, e.status) for e in events
        ]
        running = Status.RUNNING
        assert seen == [
            (1, START, "PENDING", "COMPLETED", 0, ("a",), (), running),
            (2, "a", "READY", "RUNNING", 1, (), (), running),
            (3, "a", "RUNNING", "COMPLETED", 1, ("c",), ("b",), running),
            (4, "b", "RUNNING", "FAILED", 1, (), (), running),
        ]
        assert [event.detail for event in events] == [
            None,
            None,
            {"worker": "w1", "n": [1, None]},
            {"error": {"type": "Boom", "message": "ünïcode"}},
        ]
        assert lab.is_close(events[2].at - events[1].at, BRIEF)
        assert (await lab.record()).seq == 4

    async def test_the_last_one_shows_the_end(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(moves.fail(X, "a", 11))
        assert (await lab.event()).status is Status.FAILED

    async def test_a_refused_move_leaves_none_and_no_gap(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.apply(moves.complete(X, "a", 99))
        await lab.apply(moves.complete(X, "a", 11))
        await lab.apply(moves.complete(X, "a", 11))
        assert [event.seq for event in await lab.store.events(X, 0, 10)] == [1, 2, 3]

    async def test_pages_go_on_after_a_sequence_number(self, lab: Lab) -> None:
        await lab.running("a", "b", "c")
        seen: list[int] = []
        while page := await lab.store.events(X, seen[-1] if seen else 0, 3):
            assert len(page) <= 3
            seen += [event.seq for event in page]
        assert seen == [1, 2, 3, 4]
        await lab.done(moves.complete(X, "a", 11))
        assert [event.seq for event in await lab.store.events(X, 4, 10)] == [5]
        assert await lab.store.events(X, 99, 10) == []

    async def test_pages_begin_with_the_first_where_less_than_nothing_was_seen(
        self, lab: Lab
    ) -> None:
        await lab.running("a")
        assert [event.seq for event in await lab.store.events(X, -1, 10)] == [1, 2]


class NoticesCases:
    """Sentences on the result."""

    async def test_a_notice_stands_once_in_the_order_of_arrival(self, lab: Lab) -> None:
        await lab.running("a", "b", "c", "d")
        for token, (key, notice) in enumerate(
            [("a", "[echo]"), ("b", "second"), ("c", "[echo]")], 11
        ):
            await lab.done(moves.complete(X, key, token, notice=notice))
        assert (await lab.record()).notices == ("[echo]", "second")

    async def test_a_repeat_adds_none(self, lab: Lab) -> None:
        await lab.running("a", "b")
        move = moves.complete(X, "a", 11, notice="one")
        await lab.repeated(move, await lab.done(move))
        assert (await lab.record()).notices == ("one",)

    async def test_only_the_first_five_are_kept(self, lab: Lab) -> None:
        keys = [f"n{number}" for number in range(7)]
        await lab.running(*keys)
        for token, key in enumerate(keys, 11):
            await lab.done(moves.complete(X, key, token, notice=key))
        assert (await lab.record()).notices == tuple(keys[:5])


class MetersCases:
    """Sums of what was used."""

    async def test_amounts_add_up_by_name_over_attempts_and_nodes(self, lab: Lab) -> None:
        await lab.running("a", "b")
        assert (await lab.record()).meters == {}
        failed = moves.retry(X, "a", 11, 21)
        failed.meters = {"tokens": 5, "cost": 0.25}
        await lab.done(failed)
        await lab.done(moves.complete(X, "b", 12, meters={"tokens": 7}))
        assert (await lab.record()).meters == {"tokens": 12, "cost": 0.25}

    async def test_a_repeat_is_not_counted_again(self, lab: Lab) -> None:
        await lab.running("a", "b")
        move = moves.complete(X, "a", 11, meters={"tokens": 5})
        await lab.repeated(move, await lab.done(move))
        assert (await lab.record()).meters == {"tokens": 5}

    async def test_a_refused_move_counts_nothing(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.refused(moves.complete(X, "a", 99, meters={"tokens": 5}), Code.STALE)
        assert (await lab.record()).meters == {}

    async def test_meters_stay_after_the_end(self, lab: Lab) -> None:
        await lab.running("a")
        await lab.done(moves.complete(X, "a", 11, meters={"cost": 0.125}))
        record = await lab.record()
        assert (record.status, record.meters) == (Status.COMPLETED, {"cost": 0.125})

    async def test_a_sum_beyond_the_largest_number_stays_there(self, lab: Lab) -> None:
        await lab.running("a", "b")
        for key, token in (("a", 11), ("b", 12)):
            await lab.done(moves.complete(X, key, token, meters={"up": 1e308, "down": -1e308}))
        largest = sys.float_info.max
        assert (await lab.record()).meters == {"up": largest, "down": -largest}
