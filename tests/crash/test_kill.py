"""`kill -9` of a real process at every step of a node's life; the ledger says what ran."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.crash.service import Service
from tests.crash.story import Story
from tests.engine.documents import Json, node, workflow

RETRY = {"max_attempts": 4, "initial_interval": 0.3, "jitter": False}

# `b` is in the middle: something ran before it, and something runs after it.
DIAMOND = workflow(
    node("a", "call"),
    node("b", "call", "a", retry=RETRY),
    node("c0", "call", "b"),
    node("c1", "call", "b"),
    node("end", "call", "c0", "c1"),
)


def fan_out(width: int) -> Json:
    """Several chunks of 128 after one node."""
    leaves = [node(f"leaf{at}", "call", "root") for at in range(width)]
    return workflow(node("root", "call"), *leaves)


@contextmanager
def told(folder: Path, document: Json, executions: int = 1, **service: Any) -> Iterator[Story]:
    options = service.pop("options", {})
    with Service(**service) as listening:
        story = Story(folder, listening, document, executions, **options)
        try:
            yield story
        finally:
            story.close()


@pytest.mark.parametrize(
    ("kill", "calls"),
    [
        ({"when": "leased", "key": "b"}, 1),
        ({"when": "before", "key": "b", "to": "COMPLETED"}, 2),
        ({"when": "after", "key": "b", "to": "COMPLETED"}, 1),
        ({"when": "before", "key": "a", "to": "COMPLETED"}, 1),
        ({"when": "after", "key": "a", "to": "COMPLETED"}, 1),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_a_node_goes_on_from_where_its_process_was_killed(
    tmp_path: Path, kill: dict[str, str], calls: int
) -> None:
    with told(tmp_path, DIAMOND) as story:
        story.child(start=True, kill=kill).dies()

        story.goes_on().ends()

        await story.judge()
        counts = story.service.counts()
        assert counts["x0", "b"] == calls
        killed = kill["key"]
        assert {key: many for (_, key), many in counts.items() if key not in ("b", killed)} == {
            key: 1 for key in ("a", "c0", "c1", "end") if key != killed
        }


async def test_a_node_whose_handler_was_killed_runs_again_with_the_same_key(
    tmp_path: Path,
) -> None:
    with told(tmp_path, DIAMOND) as story:
        story.child(start=True, kill_in_handler="b").dies()

        story.goes_on().ends()

        await story.judge()
        assert story.service.counts()["x0", "b"] == 2
        assert story.service.count() == 6


async def test_a_node_that_waits_for_its_service_when_killed_runs_again(tmp_path: Path) -> None:
    with told(tmp_path, DIAMOND, held=frozenset({"b"})) as story:
        first = story.child(start=True)
        story.until(lambda: story.service.count("b") == 1, "the service is asked")
        first.kill()
        second = story.goes_on()
        second.kill()
        story.service.release.set()

        story.goes_on().ends()

        await story.judge()
        assert story.service.counts()["x0", "b"] == 3
        assert story.service.count() == 7


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_retry_that_waits_comes_in_its_time(tmp_path: Path, when: str) -> None:
    with told(tmp_path, DIAMOND, failures={"b": 1}) as story:
        kill = {"when": when, "key": "b", "to": "WAITING"}
        story.child(start=True, kill=kill).dies()

        story.goes_on().ends()

        await story.judge()
        assert story.service.counts()["x0", "b"] == 2
        assert story.service.count() == 6


@pytest.mark.parametrize("cursor", [128, 256])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_fan_out_goes_on_between_its_chunks(tmp_path: Path, when: str, cursor: int) -> None:
    options = {"concurrency": 1}
    with told(tmp_path, fan_out(300), options=options) as story:
        kill = {"when": when, "key": "root", "to": "COMPLETED", "cursor": cursor}
        story.child(start=True, kill=kill).dies()
        ran = story.service.count()

        story.goes_on().ends()

        await story.judge()
        counts = story.service.counts()
        assert counts["x0", "root"] == 1
        # A leaf may have been on its way when its process was killed.
        assert story.service.count() <= 301 + min(ran, 2)
        assert len(counts) == 301


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_execution_that_was_killed_as_it_started_starts_once(
    tmp_path: Path, when: str
) -> None:
    with told(tmp_path, DIAMOND) as story:
        story.child(start=True, kill={"when": when, "key": "@start", "to": "COMPLETED"}).dies()
        assert story.service.count() == 0

        # The caller got no answer, and asks again: submits and triggers as before.
        story.child(start=True).ends()

        await story.judge()
        assert set(story.service.counts().values()) == {1}


async def test_many_roots_go_on_between_the_chunks_of_the_start(tmp_path: Path) -> None:
    document = workflow(*(node(f"n{at}", "call") for at in range(300)))
    with told(tmp_path, document, options={"concurrency": 1}) as story:
        kill = {"when": "before", "key": "@start", "to": "COMPLETED", "cursor": 128}
        story.child(start=True, kill=kill).dies()

        story.goes_on().ends()

        await story.judge()
        assert len(story.service.counts()) == 300


@pytest.mark.parametrize("seed", [1, 2])
async def test_twenty_executions_survive_three_kills_at_random(tmp_path: Path, seed: int) -> None:
    leaves = [node(f"leaf{at}", "call", "root", retry=RETRY) for at in range(6)]
    document = workflow(
        node("root", "call"),
        *leaves,
        node("join", "call", *(leaf["id"] for leaf in leaves)),
        node("any", "call", "root", join="any_success"),
        node("end", "call", "join", "any", join="all_done"),
    )
    dice = Random(seed)
    total = 20 * 10
    slots = 10
    with told(
        tmp_path, document, executions=20, seconds=0.003, options={"concurrency": slots}
    ) as story:
        child = story.child(start=True)
        child.says("triggered")
        for at in sorted(dice.sample(range(20, total - 20), 3)):
            story.until(lambda at=at: story.service.count() >= at, "work goes on")  # type: ignore[misc]
            child.kill()
            child = story.goes_on()
        child.ends()

        await story.judge()
        counts = story.service.counts()
        assert len(counts) == total
        assert max(counts.values()) <= 1 + 3
        # What ran twice was in a slot when its process was killed.
        assert story.service.count() - total <= 3 * slots


async def test_a_process_that_is_frozen_for_longer_than_its_leases_ends_nothing_twice(
    tmp_path: Path,
) -> None:
    held = frozenset({"leaf0", "leaf1", "leaf2"})
    document = fan_out(6)
    document["dag"]["nodes"].append(node("end", "call", *(f"leaf{at}" for at in range(6))))
    with told(tmp_path, document, held=held, options={"lease_seconds": 1}) as story:
        child = story.child(start=True)
        story.until(lambda: all(story.service.count(each) for each in held), "three are held")
        child.signal(signal.SIGSTOP)
        time.sleep(2.5)  # the fault itself: longer than the leases
        story.service.release.set()
        child.signal(signal.SIGCONT)
        child.ends()

        await story.judge()
        counts = story.service.counts()
        assert max(counts.values()) <= 2
        assert counts["x0", "end"] == 1
