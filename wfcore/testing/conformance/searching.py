"""Lists of executions: what a filter lets through, the newest first, in pages."""

import pytest

from wfcore.errors import DocumentRefused
from wfcore.store.contract import Filter, Halt
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.lab import Lab
from wfcore.workflow.states import Status

EVERYTHING = Filter()


async def created(
    lab: Lab,
    name: str,
    *,
    workflow: str = "a workflow",
    labels: dict[str, str] | None = None,
    retry_of: str | None = None,
) -> None:
    """Store an execution."""
    new = moves.new(name)
    new.name, new.retry_of = workflow, retry_of
    if labels is not None:
        new.labels = labels
    assert await lab.store.create(new)


async def ended(lab: Lab, name: str, *, failed: bool = False) -> None:
    """Let an execution run to its end."""
    await lab.done(moves.start(name, [moves.edge("a")]))
    await lab.done(moves.lease(name, "a", 11))
    await lab.done(moves.fail(name, "a", 11) if failed else moves.complete(name, "a", 11))


async def found(lab: Lab, wanted: Filter = EVERYTHING, limit: int = 100) -> list[str]:
    """Return the names of the executions that a filter lets through."""
    page = await lab.store.search(wanted, "", limit)
    assert page.next == ""
    return [record.id for record in page.records]


class SearchingCases:
    """Lists of executions, by what they have in common."""

    async def test_an_empty_store_lists_nothing(self, lab: Lab) -> None:
        assert await lab.store.search(EVERYTHING, "", 10) == ([], "")

    async def test_the_newest_come_first_and_records_are_those_that_read_gives(
        self, lab: Lab
    ) -> None:
        for name in ("x3", "x1", "x2"):
            await created(lab, name)
        await ended(lab, "x1")
        page = await lab.store.search(EVERYTHING, "", 10)
        assert [record.id for record in page.records] == ["x2", "x1", "x3"]
        for record in page.records:
            assert record == await lab.store.read(record.id)

    async def test_pages_are_whole_without_gap_or_repeat_while_others_come(self, lab: Lab) -> None:
        names = [f"x{number}" for number in range(7)]
        for name in names:
            await created(lab, name)
        seen: list[str] = []
        after = ""
        while True:
            page = await lab.store.search(EVERYTHING, after, 3)
            seen += [record.id for record in page.records]
            after = page.next
            if not after:
                break
            await created(lab, f"later-{len(seen)}")
        assert seen == names[::-1]

    async def test_the_last_page_says_so_also_where_it_is_full(self, lab: Lab) -> None:
        for name in ("x1", "x2"):
            await created(lab, name)
        assert (await lab.store.search(EVERYTHING, "", 2)).next == ""
        assert (await lab.store.search(EVERYTHING, "", 1)).next != ""

    @pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣", "9" * 40])
    async def test_what_no_page_gave_is_no_cursor(self, lab: Lab, cursor: str) -> None:
        with pytest.raises(DocumentRefused) as refused:
            await lab.store.search(EVERYTHING, cursor, 10)
        assert refused.value.problems[0].code == "list.cursor"

    async def test_by_status(self, lab: Lab) -> None:
        for name in ("pending", "running", "completed", "failed", "cancelled"):
            await created(lab, name)
        await lab.done(moves.start("running", [moves.edge("a")]))
        await ended(lab, "completed")
        await ended(lab, "failed", failed=True)
        await lab.store.halt("cancelled", Halt.CANCEL)
        for status in Status:
            if status.lower() in ("pending", "running", "completed", "failed", "cancelled"):
                assert await found(lab, Filter(statuses=(status,))) == [status.lower()]
        both = (Status.FAILED, Status.PENDING)
        assert await found(lab, Filter(statuses=both)) == ["failed", "pending"]

    async def test_by_name_to_the_letter(self, lab: Lab) -> None:
        await created(lab, "x1", workflow="Report")
        await created(lab, "x2", workflow="report")
        await created(lab, "x3", workflow="Report %")
        assert await found(lab, Filter(name="Report")) == ["x1"]
        assert await found(lab, Filter(name="%")) == []

    async def test_by_labels_of_which_all_must_be_there(self, lab: Lab) -> None:
        await created(lab, "x1", labels={"team": "ä", 'odd".key': "1"})
        await created(lab, "x2", labels={"team": "ä"})
        await created(lab, "x3", labels={})
        assert await found(lab, Filter(labels={"team": "ä"})) == ["x2", "x1"]
        assert await found(lab, Filter(labels={"team": "ä", 'odd".key': "1"})) == ["x1"]
        assert await found(lab, Filter(labels={"team": "a"})) == []
        assert await found(lab, Filter(labels={"1": "team"})) == []

    async def test_by_the_time_of_creation(self, lab: Lab) -> None:
        for name in ("x1", "x2", "x3"):
            await created(lab, name)
            await lab.elapse(100)
        times = [record.created for record in (await lab.store.search(EVERYTHING, "", 9)).records]
        assert times == sorted(times, reverse=True)
        newest, middle, _ = times
        assert await found(lab, Filter(created_from=middle)) == ["x3", "x2"]
        assert await found(lab, Filter(created_before=middle)) == ["x1"]
        assert await found(lab, Filter(created_from=middle, created_before=newest)) == ["x2"]

    async def test_by_the_link_of_a_retry(self, lab: Lab) -> None:
        await created(lab, "x1")
        await ended(lab, "x1", failed=True)
        await created(lab, "x2", retry_of="x1")
        await created(lab, "x3")
        assert await found(lab, Filter(retry_of="x1")) == ["x2"]
        assert await found(lab, Filter(retried=True)) == ["x1"]
        assert await found(lab, Filter(retried=False)) == ["x3", "x2"]
        record = await lab.store.read("x2")
        assert record is not None
        assert record.retry_of == "x1"

    async def test_all_that_is_given_must_hold(self, lab: Lab) -> None:
        await created(lab, "x1", labels={"team": "a"})
        await created(lab, "x2", labels={"team": "a"})
        await ended(lab, "x2", failed=True)
        await created(lab, "x3")
        await ended(lab, "x3", failed=True)
        wanted = Filter(statuses=(Status.FAILED,), labels={"team": "a"}, name="a workflow")
        assert await found(lab, wanted) == ["x2"]
        assert await found(lab, Filter(statuses=(Status.FAILED,), name="other")) == []

    async def test_the_history_of_a_node_has_its_own_events_the_newest_in_order(
        self, lab: Lab
    ) -> None:
        await created(lab, "x1")
        await lab.done(moves.start("x1", [moves.edge("a"), moves.edge("b")]))
        await lab.done(moves.lease("x1", "a", 11))
        await lab.done(moves.lease("x1", "b", 12))
        await lab.done(moves.retry("x1", "a", 11, 13))
        everything = await lab.store.events("x1", 0, 100)
        own = [event for event in everything if event.key == "a"]
        assert len(own) == 2
        assert await lab.store.history("x1", "a", 10) == own
        assert await lab.store.history("x1", "a", 1) == own[-1:]
        assert await lab.store.history("x1", "nobody", 10) == []
        assert await lab.store.history("none", "a", 10) == []
