"""`docs/errors.md` has every problem code and every error type that the code has, and no other."""

import ast
import re
from pathlib import Path

from tests.docs.said import ROOT, all_codes, all_error_types, codes, error_types

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
CODES, TYPES = PAGE.split("\n## Error types\n")
CELLS = re.compile(r"(?<!\\)\|")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row whose first cell is one word of code."""
    lines = [line for line in text.splitlines() if re.match(r"\| `[^`]+` \|", line)]
    return [[cell.strip() for cell in CELLS.split(line)[1:-1]] for line in lines]


def listed(text: str, kind: str) -> list[str]:
    names = [row[0].strip("`") for row in rows(text)]
    return [name for name in names if re.fullmatch(kind, name)]


LISTED_CODES = listed(CODES.split("\n## Problem codes\n")[1], r"[a-z_.0-9]+")
LISTED_TYPES = listed(TYPES, r"[A-Z]\w+")


def test_the_page_lists_every_problem_code_and_no_stale_one() -> None:
    known = all_codes()
    assert known - set(LISTED_CODES) == set(), "missing in docs/errors.md"
    assert set(LISTED_CODES) - known == set(), "stale in docs/errors.md"
    assert len(LISTED_CODES) == len(set(LISTED_CODES))


def test_the_page_lists_every_error_type_and_no_stale_one() -> None:
    known = all_error_types()
    assert known - set(LISTED_TYPES) == set(), "missing in docs/errors.md"
    assert set(LISTED_TYPES) - known == set(), "stale in docs/errors.md"
    assert len(LISTED_TYPES) == len(set(LISTED_TYPES))


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    for row in rows(CODES.split("\n## Problem codes\n")[1]) + rows(TYPES):
        assert row[1], row
        assert row[-1], row


def test_every_code_stands_under_the_heading_of_its_area() -> None:
    for section in CODES.split("\n### ")[1:]:
        heading, _, body = section.partition("\n")
        areas = set(re.findall(r"`(\w+)\.\*`", heading))
        for code in listed(body, r"[a-z_.0-9]+"):
            area, dot, _ = code.partition(".")
            elsewhere = {each.partition(".")[0] for each in ELSEWHERE}
            assert not dot or not areas or area in areas | elsewhere, code


ELSEWHERE = ("execution_id.invalid", "execution.not_found", "node.not_found")


def test_the_collector_sees_codes_however_they_are_made() -> None:
    source = """
findings.add("graph.cycle", "/dag", "message")
raise CommandFailed.single(Exit.USAGE, "usage.set", "message")
raise CommandFailed.single(Exit.STORE, "store", "message")
problem = Problem("auth.wrong" if wrong else "auth.required", "", "message")
code = "graph.other" if value else "document.elsewhere"
raise Refusal("syntax", "message")
seen.add("name")
"""
    found = codes([(Path("wfcore/some.py"), ast.parse(source))])
    assert found == {
        "graph.cycle",
        "graph.other",
        "usage.set",
        "store",
        "auth.wrong",
        "auth.required",
        "template.syntax",
    }


def test_the_collector_sees_error_types_however_they_are_made() -> None:
    source = """
raise NodeError("Timeout", "message")
raise NodeError(error.type, "message")
record = ErrorRecord(type="WorkerLost", message="message", retryable=False)
class Config:
    type: str = "Failed"
    name: str = "Other"
"""
    found = error_types([(Path("wfcore/some.py"), ast.parse(source))])
    assert found == {"Failed", "Timeout", "WorkerLost"}
    classified = [(Path("wfplugins_builtin/llm/failure.py"), ast.parse('T = ((E, "Slow", True),)'))]
    assert error_types(classified) == {"Slow"}
