"""The page of guarantees names tests that exist."""

import re

import pytest

from tests.docs.reader import ROOT

PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|benchmarks)[\w/.:]*)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_the_page_names_exists(named: str) -> None:
    file, _, function = named.partition("::")
    path = ROOT / file
    assert path.exists()
    if function:
        assert f"def {function}(" in path.read_text(encoding="utf-8")


def test_every_law_has_tests() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == 15
    assert len(NAMED) > 15
