"""StoreContract and BusContract: what an author of a store derives from, with nothing of ours."""

import inspect
from typing import Final

import pytest

from wfcore.testing import StoreContract

pytest_plugins = ["pytester"]

_HEAD: Final = """
from wfcore.bus.local import LocalBus
from wfcore.store.contract import Halt
from wfcore.store.memory import MemoryStore
from wfcore.testing import BusContract, Place, StoreContract
"""

_AUTO: Final = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture
def author(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(_AUTO)
    return pytester


def outcomes(author: pytest.Pytester, source: str) -> dict[str, set[str]]:
    """Return the names of the cases by their outcome."""
    author.makepyfile(_HEAD + source)
    result = author.inline_run("-p", "no:cacheprovider", "-q")
    told: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}
    for report in result.getreports("pytest_runtest_logreport"):
        assert isinstance(report, pytest.TestReport)
        if report.when == "call" or report.outcome != "passed":
            told[report.outcome].add(report.nodeid.rpartition("::")[2].partition("[")[0])
    return told


def test_a_store_of_another_author_passes(author: pytest.Pytester) -> None:
    told = outcomes(
        author,
        """
class TestMine(StoreContract):
    def make_store(self, place):
        return MemoryStore(clock=place.clock)
""",
    )
    assert (told["failed"], told["skipped"]) == (set(), set())
    cases = {name for name, _ in inspect.getmembers(StoreContract) if name.startswith("test_")}
    assert told["passed"] == cases
    assert len(cases) > 100


def test_a_store_that_renews_any_lease_fails_the_cases_of_leases(author: pytest.Pytester) -> None:
    told = outcomes(
        author,
        """
class Generous(MemoryStore):
    def renew(self, leases, lease_ms):
        return [True for _ in leases]

class TestMine(StoreContract):
    def make_store(self, place):
        return Generous(clock=place.clock)
""",
    )
    assert {"test_only_the_lease_that_holds_is_renewed", "test_leases_are_not_renewed"} <= (
        told["failed"]
    )
    assert len(told["failed"]) < 10


def test_no_case_hides_another_of_the_same_name() -> None:
    seen: dict[str, type] = {}
    for kind in StoreContract.__mro__:
        for name in vars(kind):
            if name.startswith("test_"):
                assert name not in seen, (name, kind, seen[name])
                seen[name] = kind
    assert seen


def test_a_bus_of_another_author_passes(author: pytest.Pytester) -> None:
    told = outcomes(
        author,
        """
class TestMine(BusContract):
    merges = True

    def make_bus(self):
        return LocalBus()
""",
    )
    assert (told["failed"], told["skipped"]) == (set(), set())
    assert len(told["passed"]) > 10


def test_a_bus_that_gives_more_than_it_is_asked_for_fails(author: pytest.Pytester) -> None:
    told = outcomes(
        author,
        """
class Greedy(LocalBus):
    async def take(self, limit):
        return await super().take(100)

class TestMine(BusContract):
    merges = True

    def make_bus(self):
        return Greedy()
""",
    )
    assert told["failed"] == {"test_take_returns_no_more_than_its_limit"}


def test_who_does_not_say_how_to_make_a_store_is_told(author: pytest.Pytester) -> None:
    author.makepyfile(_HEAD + "class TestMine(StoreContract): ...\n")
    result = author.runpytest_inprocess("-k", "meters_stay", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*say how to make the store*"])
