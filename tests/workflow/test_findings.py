"""How problems are collected, ordered, bounded and hinted at."""

import pytest

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.workflow.findings import Findings, Vocabulary


def test_problems_are_told_by_their_places() -> None:
    document = {"b": [1, 2, {"x": 0}], "a": {"k/1": 0, "~": 0}}
    findings = Findings(100)
    for place in ("", "/a/~0", "/b/10", "/a/k~11", "/b/2/x", "/b/2", "/b", "/nowhere", "/a"):
        findings.add("c", place, "m")
    ordered = ["", "/b", "/b/2", "/b/2/x", "/b/10", "/a", "/a/k~11", "/a/~0", "/nowhere"]
    assert [each.pointer for each in findings.problems(document)] == ordered


def test_more_than_the_limit_are_counted() -> None:
    findings = Findings(2)
    for at in range(5):
        findings.add("c", f"/{4 - at}", "m")
    problems = findings.problems([0, 1, 2, 3, 4])
    assert [each.pointer for each in problems] == ["/0", "/1", ""]
    assert problems[-1].message == "3 more problems are not shown"
    assert len(findings) == 5
    assert not findings.full


def test_a_refusal_carries_the_problems() -> None:
    findings = Findings(10)
    assert not findings
    findings.extend([Problem("c", "/a", "m", "h")])
    with pytest.raises(DocumentRefused) as caught:
        findings.refuse({"a": 1})
    assert caught.value.problems == (Problem("c", "/a", "m", "h"),)


def test_a_near_name_takes_the_place_of_the_hint() -> None:
    findings = Findings(10)
    names = Vocabulary(["get_posts", "summarize"])
    findings.add("c", "/0", "m", "otherwise", wanted="get_pots", among=names)
    findings.add("c", "/1", "m", "otherwise", wanted="zebra", among=names)
    hints = [each.hint for each in findings.problems([0, 1])]
    assert hints == ['did you mean "get_posts"?', "otherwise"]


def test_the_nearest_of_very_many_names_is_found() -> None:
    names = Vocabulary([f"node_{at}" for at in range(5_000)] + ["summarize-posts"])
    assert names.hint("sumarize_posts") == 'did you mean "summarize-posts"?'
    assert names.hint("Summarize-Posts") == 'did you mean "summarize-posts"?'
    assert names.hint("nod_4711") == 'did you mean "node_4711"?'
    assert names.hint("qqq") is None
    assert names.hint("summarize-posts" * 100) is None
