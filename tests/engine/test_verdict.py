"""What a join makes of its dependencies: the total function, and the table that documents it."""

import re
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from tests.engine.documents import node, workflow
from wfcore.engine.decide import verdict
from wfcore.engine.plan import PlanNode
from wfcore.engine.proof import Prover
from wfcore.plugins.manager import load_plugins
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits

_PAGE: Final = Path(__file__).parents[2] / "docs" / "workflow.md"
_ENDS: Final = ("ok", "failed", "skipped")
_JOINS: Final = ("all_success", "all_done", "any_success")
_COMBINATIONS: Final = [ends for count in range(4) for ends in product(_ENDS, repeat=count)]


def _expected(join: str, ends: tuple[str, ...]) -> bool:
    """Say it once more, in words of its own: by the dependencies, not by counters."""
    if not ends or join == "all_done":
        return True
    if join == "any_success":
        return "ok" in ends
    return set(ends) == {"ok"}


def _joined(join: str, count: int) -> PlanNode:
    before = [node(f"d{at}", "input") for at in range(count)]
    document = workflow(*before, node("n", "input", *(each["id"] for each in before), join=join))
    prover = Prover(load_plugins(), Templating(), Limits())
    return prover.prove(document, "hash").nodes["n"]


@pytest.mark.parametrize("join", _JOINS)
@pytest.mark.parametrize("ends", _COMBINATIONS, ids=lambda ends: "-".join(ends) or "none")
def test_a_join_is_judged_by_how_its_dependencies_ended(join: str, ends: tuple[str, ...]) -> None:
    planned = _joined(join, len(ends))
    # A root waits for the virtual start node, which always succeeds.
    ok = ends.count("ok") if ends else 1

    refusal = verdict(planned, ok, ends.count("failed"))

    assert (refusal is None) == _expected(join, ends)
    if refusal is not None:
        assert ("failed" in refusal) == (join == "all_success" and "failed" in ends)


@pytest.mark.parametrize("open_ones", [1, 2])
def test_any_success_runs_before_the_others_have_ended(open_ones: int) -> None:
    planned = _joined("any_success", 1 + open_ones)

    assert planned.need == 1
    assert verdict(planned, 1, 0) is None


def test_the_page_shows_the_same_table() -> None:
    rows = dict(_documented_rows())

    assert set(rows) == {frozenset(ends) for ends in _COMBINATIONS if ends}
    for ends in _COMBINATIONS:
        if ends:
            said = dict(zip(_JOINS, rows[frozenset(ends)], strict=True))
            assert said == {join: _expected(join, ends) for join in _JOINS}, ends


def _documented_rows() -> list[tuple[frozenset[str], list[bool]]]:
    page = _PAGE.read_text(encoding="utf-8")
    head = "| how the dependencies ended | `all_success` | `all_done` | `any_success` |"
    table = page.split(head)[1].split("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.strip().splitlines()[1:]
    ]
    assert {cell for row in rows for cell in row[1:]} == {"runs", "SKIPPED"}
    return [
        (frozenset(re.split(r",\s*", ends)), [cell == "runs" for cell in cells])
        for ends, *cells in rows
    ]
