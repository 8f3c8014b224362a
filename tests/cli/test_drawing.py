"""What drawings and places are made of: trees of DAGs, progress from events, lines of pointers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.cli.places import lines_of
from wfcore.cli.progress import Progress
from wfcore.cli.tree import GUIDES, lay_out
from wfcore.cli.wording import duration, one_line, printable
from wfcore.store.contract import START, Event
from wfcore.workflow.states import NodeState, Status


def test_branches_stand_under_the_node_that_opens_them_and_the_join_beside_them() -> None:
    diamond = {"a": [], "b": ["a"], "c": ["a"], "b2": ["b"], "d": ["b2", "c"]}

    rows = [f"{row.guide}{row.key}" for row in lay_out(diamond, GUIDES[True])]

    assert rows == ["a", "├─ b", "│  └─ b2", "├─ c", "└─ d"]


def test_a_join_of_several_roots_is_a_root_of_the_drawing() -> None:
    rows = lay_out({"a": [], "b": [], "c": ["a", "b"]}, GUIDES[False])

    assert [(row.guide, row.key, row.after) for row in rows] == [
        ("", "a", ""),
        ("", "b", ""),
        ("", "c", "after a, b"),
    ]


def test_a_long_chain_stays_within_the_terminal() -> None:
    chain = {str(at): [str(at - 1)] if at else [] for at in range(200)}

    rows = lay_out(chain, GUIDES[True])

    assert [row.key for row in rows] == list(chain)
    assert max(len(row.guide) for row in rows) <= 33


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=30))
def test_every_node_is_drawn_once_and_after_its_dependencies(shape: list[list[int]]) -> None:
    dag = {
        str(at): sorted({str(each % at) for each in needed} if at else ())
        for at, needed in enumerate(shape)
    }

    drawn = [row.key for row in lay_out(dag, GUIDES[True])]

    assert sorted(drawn) == sorted(dag)


def test_progress_follows_events_and_counts_what_was_done_before() -> None:
    progress = Progress("Flow", ["a", "b", "c"], since=100)

    progress.take(_event(1, START, NodeState.PENDING, NodeState.COMPLETED, 50, kept=("a",)))
    assert progress.running == {"a": None}
    progress.take(_event(2, "a", NodeState.RUNNING, NodeState.COMPLETED, 60, fired=("b", "c")))
    assert progress.counts[NodeState.READY] == 2
    progress.take(_event(3, "b", NodeState.READY, NodeState.RUNNING, 110))
    progress.take(_event(4, "b", NodeState.RUNNING, NodeState.FAILED, 130, error=True))

    assert (progress.finished, progress.finished_before) == (2, 1)
    assert (progress.nodes["b"].took, progress.nodes["a"].took) == (20, 10)
    assert list(progress.failed) == ["b"]
    assert progress.elapsed == 30


def test_a_place_has_the_line_of_its_value_or_of_what_should_hold_it() -> None:
    text = json.dumps({"dag": {"nodes": [{"id": "a"}, {"id": "b/~"}]}, "x~/y": 1}, indent=1)

    lines = lines_of(
        "a.json", text, ["/dag/nodes/1/id", "/dag/nodes/0/handler", "/x~0~1y", "/nothing", ""]
    )

    found = {place: text.splitlines()[line - 1].strip() for place, line in lines.items()}
    assert found == {
        "/dag/nodes/1/id": '"id": "b/~"',
        "/dag/nodes/0/handler": "{",
        "/x~0~1y": '"x~/y": 1',
        "/nothing": "{",
        "": "{",
    }


@pytest.mark.parametrize("text", ["", "{", '{"a": [1, 2', '{"a"', "]", '"', "[[[,,,]"])
def test_a_broken_text_has_lines_or_none_but_no_error(text: str) -> None:
    assert all(line >= 1 for line in lines_of("a.json", text, ["/a/0", ""]).values())


def test_control_characters_are_made_visible() -> None:
    assert printable("a\x1b[31m\x9b\x07b\n") == "a\\x1b[31m\\x9b\\x07b\n"
    assert one_line("a\n  b") == "a b"
    assert len(one_line("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 ms"), (999, "999 ms"), (1234, "1.23 s"), (12_345, "12.3 s"), (185_000, "3 min 05 s")],
)
def test_durations_are_short(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def _event(
    seq: int,
    key: str,
    before: NodeState,
    to: NodeState,
    at: int,
    fired: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
    *,
    error: bool = False,
) -> Event:
    record = {"type": "E", "message": "m", "retryable": False}
    detail = {"error": record} if error else None
    return Event(seq, at, key, before, to, 1, fired, kept, Status.RUNNING, detail)
