"""Deleting executions, by name and by age: whole, never what is open or in use."""

from dataclasses import replace

import pytest

from wfcore.store.contract import Code, Deletion, Filter, Halt, StateStore
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab, X, dump
from wfcore.testing.conformance.searching import created, ended, found
from wfcore.workflow.states import Status

MANY = 1_000
WIDE = 12
BY_NO_AGE = 2**53


async def is_gone(store: StateStore, execution: str) -> bool:
    """Whether nothing can be seen of an execution any more."""
    seen = await dump(store, execution)
    listed = (await store.search(Filter(), "", 100)).records
    return seen == (None, [], {}, [], []) and execution not in [each.id for each in listed]


async def past(lab: Lab, age_ms: int, limit: int = 10) -> list[str]:
    """List the ids of what is so old."""
    return [each.execution for each in await lab.store.past(age_ms, limit)]


async def wide(lab: Lab, name: str) -> None:
    """Have an execution that ended, with more rows than a small step takes."""
    await created(lab, name)
    roots = [f"n{number}" for number in range(WIDE)]
    await lab.done(moves.start(name, [moves.edge(root) for root in roots]))
    for token, root in enumerate(roots, 11):
        await lab.done(moves.lease(name, root, token))
        await lab.done(moves.complete(name, root, token))


class DeletingCases:
    """Deleting executions: whole, and never what is open or in use."""

    async def test_what_ended_goes_with_all_that_it_left(self, lab: Lab) -> None:
        await created(lab, X)
        await ended(lab, X)
        await created(lab, "other")
        await ended(lab, "other")
        before = await dump(lab.store, "other")
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert await is_gone(lab.store, X)
        assert await dump(lab.store, "other") == before

    @pytest.mark.parametrize("halted", [False, True], ids=["pending", "cancelled"])
    async def test_what_never_began_can_go(self, lab: Lab, halted: bool) -> None:
        await created(lab, X)
        if halted:
            await lab.store.halt(X, Halt.CANCEL)
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert await is_gone(lab.store, X)

    async def test_what_runs_stays(self, lab: Lab) -> None:
        await created(lab, X)
        await lab.done(moves.start(X, [moves.edge("a")]))
        before = await dump(lab.store, X)
        assert await lab.store.delete(X, MANY) is Deletion.OPEN
        assert await dump(lab.store, X) == before

    async def test_a_repeat_and_an_unknown_name_are_done_already(self, lab: Lab) -> None:
        await created(lab, X)
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert await lab.store.delete("nobody", MANY) is Deletion.DONE

    async def test_no_move_brings_a_deleted_one_back(self, lab: Lab) -> None:
        await created(lab, X)
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert (await lab.apply(moves.start(X, [moves.edge("a")]))).code is Code.GONE
        assert (await lab.store.halt(X, Halt.CANCEL)).code is Code.GONE
        assert await is_gone(lab.store, X)

    async def test_its_id_can_be_used_again(self, lab: Lab) -> None:
        await wide(lab, X)
        await lab.store.delete(X, 3)
        await created(lab, X, workflow="anew")
        record = await lab.record()
        assert (record.name, record.status, record.seq) == ("anew", Status.PENDING, 0)
        assert await lab.store.events(X, 0, 10) == []
        await ended(lab, X)
        assert (await lab.record()).status is Status.COMPLETED

    async def test_its_number_never_comes_again(self, lab: Lab) -> None:
        numbers = []
        for _ in range(3):
            await created(lab, X)
            numbers.append((await lab.record()).number)
            await ended(lab, X)
            await lab.store.delete(X, MANY)
        assert len(set(numbers)) == 3
        assert 0 not in numbers

    async def test_whatever_tells_of_it_tells_its_number(self, lab: Lab) -> None:
        await created(lab, "other")
        await created(lab, X)
        number = (await lab.record()).number
        assert await lab.store.results(X, []) == (number, {})
        start = moves.start(X, [moves.edge("a")])
        replies = [await lab.apply(move) for move in (start, start)]
        lease = moves.lease(X, "a", 11)
        replies += [await lab.apply(lease), await lab.apply(lease)]
        assert (await lab.store.results(X, ["a", "b"])).number == number
        replies.append(await lab.apply(moves.complete(X, "a", 12)))
        replies += [await lab.store.halt(X, Halt.CANCEL), await lab.store.halt(X, Halt.CANCEL)]
        replies.append(await lab.apply(moves.complete(X, "a", 11)))
        replies.append(await lab.store.halt(X, Halt.CANCEL))
        codes = ["ok", "again", "ok", "again", "stale", "ok", "again", "ok", "again"]
        assert [(reply.code, reply.number) for reply in replies] == [
            (code, number) for code in codes
        ]
        assert {reply.lease.number for reply in replies if reply.lease is not None} == {number}
        [listed, _] = (await lab.store.search(Filter(), "", 10)).records
        assert (listed.id, listed.number) == (X, number)
        await lab.store.delete(X, MANY)
        assert (await lab.store.results(X, ["a"])) == (0, {})
        assert (await lab.store.halt(X, Halt.CANCEL)).number == 0
        assert (await lab.apply(start)).number == 0

    async def test_what_was_meant_for_another_number_changes_nothing(self, lab: Lab) -> None:
        await created(lab, X)
        gone = (await lab.record()).number
        await lab.store.delete(X, MANY, gone)
        assert await is_gone(lab.store, X)
        await created(lab, X)
        number = (await lab.record()).number
        start = moves.start(X, [moves.edge("a")])
        for _ in range(2):
            before = await dump(lab.store, X)
            assert await lab.store.delete(X, MANY, gone) is Deletion.DONE
            assert (await lab.store.halt(X, Halt.CANCEL, number=gone)).code is Code.GONE
            assert (await lab.apply(replace(start, number=gone))).code is Code.GONE
            assert await dump(lab.store, X) == before
            await lab.apply(replace(start, number=number))
        assert (await lab.store.halt(X, Halt.CANCEL, number=number)).code is Code.OK
        [active] = await lab.store.active(X, 10)
        assert active.number == number

    async def test_what_an_open_retry_reuses_stays_until_that_ends(self, lab: Lab) -> None:
        await created(lab, X)
        await ended(lab, X, failed=True)
        await created(lab, "again", retry_of=X)
        assert await lab.store.delete(X, MANY) is Deletion.IN_USE
        await ended(lab, "again")
        assert await lab.store.delete(X, MANY) is Deletion.DONE
        assert await is_gone(lab.store, X)
        assert not await is_gone(lab.store, "again")

    async def test_a_document_goes_with_the_last_execution_that_has_it(self, lab: Lab) -> None:
        for name in ("x1", "x2"):
            await created(lab, name)
        await lab.store.delete("x1", MANY)
        assert await lab.store.document("p1") is not None
        await lab.store.delete("x2", MANY)
        assert await lab.store.document("p1") is None
        await created(lab, "x3")
        assert await lab.store.document("p1") is not None

    async def test_a_large_one_goes_in_steps_and_is_gone_at_the_first(self, lab: Lab) -> None:
        await wide(lab, X)
        deletion = await lab.store.delete(X, 3)
        assert await is_gone(lab.store, X)
        steps = 0
        while left := await lab.store.past(BY_NO_AGE, 10):
            assert X not in [past.execution for past in left]
            for name, number in left:
                deletion = await lab.store.delete(name, 3, number)
            steps += 1
            assert steps < 100
        assert deletion is Deletion.DONE
        assert await lab.store.document("p1") is None
        if lab.backend.deletes_in_steps:
            assert steps >= WIDE // 3

    async def test_the_past_is_what_ended_or_never_began_so_long_ago(self, lab: Lab) -> None:
        await created(lab, "never")
        await created(lab, "runs")
        await lab.done(moves.start("runs", [moves.edge("a")]))
        await created(lab, "ended")
        await lab.elapse(200)
        await ended(lab, "ended")
        await created(lab, "new")
        assert await past(lab, 150) == ["never"]
        await lab.elapse(200)
        assert await past(lab, 150) == ["never", "ended", "new"]
        assert await past(lab, 150, 2) == ["never", "ended"]
        for name, number in await lab.store.past(150, 10):
            record = await lab.store.read(name)
            assert record is not None
            assert record.number == number
        assert await lab.store.past(10_000_000, 10) == []
        assert await lab.store.past(BY_NO_AGE, 10) == []

    async def test_a_list_goes_on_after_what_was_deleted(self, lab: Lab) -> None:
        for name in ("x1", "x2", "x3"):
            await created(lab, name)
        page = await lab.store.search(Filter(), "", 1)
        await lab.store.delete("x3", MANY)
        await lab.store.delete("x2", MANY)
        rest = await lab.store.search(Filter(), page.next, 10)
        assert [record.id for record in rest.records] == ["x1"]
        assert await found(lab) == ["x1"]
