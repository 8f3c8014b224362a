"""Fan-outs that go in chunks: one transition each, a cursor and a deadline until the last."""

from typing import Final

from wfcore.store.contract import NO_CURSOR, START, Code, Halt, Move
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X, fired, kept
from wfcore.testing.conformance.moves import BRIEF, LONG, edge
from wfcore.workflow.states import NodeState, Status

FIRST: Final = [edge("b0"), edge("b1")]
MIDDLE: Final = [edge("b2"), edge("b3")]
LAST: Final = [edge("b4")]


def chunks(ready_ms: int = LONG) -> tuple[Move, Move, Move]:
    """A fan-out of five in chunks of two."""
    first = moves.complete(X, "a", 11, FIRST, next_cursor=2, ready_ms=ready_ms)
    return first, moves.chunk(first, MIDDLE, 2, 4), moves.chunk(first, LAST, 4)


class FanOutCases:
    """Fan-outs that are wider than one Move."""

    async def test_each_chunk_fires_its_own_targets(self, lab: Lab) -> None:
        await lab.running("a")
        answers = [fired(await lab.done(move)) for move in chunks()]
        assert answers == [["b0", "b1"], ["b2", "b3"], ["b4"]]
        assert (await lab.record()).active == 5

    async def test_each_chunk_is_repeatable_at_any_later_time(self, lab: Lab) -> None:
        await lab.running("a")
        applied: list[tuple[Move, list[str]]] = []
        for move in chunks():
            reply = await lab.done(move)
            applied.append((move, fired(reply)))
            for earlier, first_answer in applied:
                again = await lab.repeated(earlier, await lab.apply(earlier))
                assert fired(again) == first_answer
        assert [event.fired for event in await lab.store.events(X, 2, 10)] == [
            ("b0", "b1"),
            ("b2", "b3"),
            ("b4",),
        ]

    async def test_a_chunk_whose_turn_has_not_come_is_refused(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, last = chunks()
        await lab.refused(middle, Code.STALE)
        await lab.done(first)
        await lab.refused(last, Code.STALE)
        await lab.done(middle)
        assert fired(await lab.done(last)) == ["b4"]

    async def test_two_who_go_on_with_one_fan_out_apply_each_chunk_once(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, last = chunks()
        await lab.done(first)
        replies = await lab.store.apply([middle, middle, last, middle, last])
        assert [reply.code for reply in replies] == ["ok", "again", "ok", "again", "again"]
        assert (await lab.record()).active == 5

    async def test_an_unfinished_fan_out_keeps_the_execution_active(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, last = chunks()
        await lab.done(first)
        for token, key in enumerate(("b0", "b1"), 50):
            await lab.done(moves.lease(X, key, token))
            await lab.done(moves.complete(X, key, token))
        record = await lab.record()
        assert (record.active, record.status) == (1, Status.RUNNING)
        (listed,) = await lab.store.active(X, 10)
        assert (listed.key, listed.state, listed.cursor) == ("a", NodeState.COMPLETED, 2)
        await lab.done(middle)
        assert fired(await lab.done(last)) == ["b4"]

    async def test_an_unfinished_fan_out_is_due_until_its_last_chunk(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, last = chunks(ready_ms=BRIEF)
        await lab.done(first)
        assert await lab.due() == []
        await lab.elapse(BRIEF)
        due, _ = await lab.store.due(10)
        (found,) = [item for item in due if item.key == "a"]
        assert (found.state, found.token, found.cursor) == (NodeState.COMPLETED, 11, 2)
        await lab.done(middle)
        assert "a" not in dict(await lab.due())
        await lab.done(last)
        await lab.elapse(BRIEF)
        assert "a" not in dict(await lab.due())

    async def test_a_chunk_that_waits_for_its_deadline_does_not_run_ahead(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, _ = chunks(ready_ms=BRIEF)
        middle.if_due = True
        await lab.done(first)
        await lab.refused(middle, Code.STALE)
        await lab.elapse(BRIEF)
        await lab.repeated(middle, await lab.done(middle))

    async def test_the_start_goes_in_chunks_too(self, lab: Lab) -> None:
        await lab.created()
        first = moves.start(X, [edge("a")], next_cursor=1)
        await lab.done(first)
        assert {item.key for item in await lab.store.active(X, 10)} == {START, "a"}
        await lab.repeated(first, await lab.apply(first))
        assert fired(await lab.done(moves.chunk(first, [edge("b")], 1))) == ["b"]
        assert sorted(item.key for item in await lab.store.active(X, 10)) == ["a", "b"]
        assert (await lab.record()).active == 2

    async def test_every_chunk_may_keep_some_of_its_own(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, last = chunks()
        first.keep, first.keep_token = 1, 700
        middle.keep, middle.keep_token = 1, 800
        assert kept(await lab.done(first)) == [("b0", 700)]
        assert kept(await lab.repeated(middle, await lab.done(middle))) == [("b2", 800)]
        assert kept(await lab.repeated(first, await lab.apply(first))) == [("b0", 700)]
        assert kept(await lab.done(last)) == []

    async def test_a_failed_node_fans_out_in_chunks_and_fails_once(self, lab: Lab) -> None:
        await lab.running("a")
        first = moves.fail(X, "a", 11, FIRST)
        first.next_cursor = 2
        await lab.done(first)
        last = moves.chunk(first, LAST, 2)
        await lab.repeated(last, await lab.done(last))
        record = await lab.record()
        assert (record.failures, (await lab.node("a")).failures) == (1, 1)

    async def test_a_halt_ends_a_fan_out_with_its_next_chunk(self, lab: Lab) -> None:
        await lab.running("a")
        first, middle, _ = chunks()
        await lab.done(first)
        await lab.store.halt(X, Halt.CANCEL)
        reply = await lab.done(middle)
        assert (fired(reply), kept(reply)) == ([], [])
        listed = await lab.store.active(X, 10)
        assert [(item.key, item.cursor) for item in listed] == [
            ("b0", NO_CURSOR),
            ("b1", NO_CURSOR),
        ]
        assert (await lab.store.results(X, ["b2", "b3"])).nodes == {}

    async def test_the_end_of_a_node_is_when_it_ended_not_when_its_fan_out_did(
        self, lab: Lab
    ) -> None:
        await lab.running("a")
        first, middle, last = chunks()
        await lab.done(first)
        ended = (await lab.node("a")).ended
        await lab.elapse(BRIEF)
        await lab.done(middle)
        await lab.done(last)
        assert (await lab.node("a")).ended == ended
