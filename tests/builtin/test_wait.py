"""`wait`: a duration or a moment, kept in the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wfcore import Deferred, Engine, Handler
from wfcore.plugins.manager import load_plugins
from wfcore.testing import FakeContext, run_handler


@pytest.fixture
def wait() -> Handler:
    return load_plugins().handler("wait")


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (5, 5),
        (1.5, 1.5),
        ("PT90M", 5400),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT1.5S", 1.5),
        ("90", 90),
    ],
)
async def test_a_duration_counts_from_the_first_attempt(
    wait: Handler, duration: Any, seconds: float
) -> None:
    with pytest.raises(Deferred) as deferred:
        await run_handler(wait, {"duration": duration}, FakeContext())
    assert deferred.value.seconds == seconds
    late = FakeContext(elapsed=seconds - 1, attempt=2)
    with pytest.raises(Deferred) as deferred:
        await run_handler(wait, {"duration": duration}, late)
    assert deferred.value.seconds == pytest.approx(1)
    over = FakeContext(elapsed=seconds, attempt=3)
    output = await run_handler(wait, {"duration": duration}, over)
    assert output["waited"] == seconds


async def test_a_moment_is_waited_for_unless_it_has_passed(wait: Handler) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(Deferred) as deferred:
        await run_handler(wait, {"until": later.isoformat()}, FakeContext())
    assert 3590 < deferred.value.seconds <= 3600
    assert deferred.value.reason.startswith("waits until 20")
    output = await run_handler(wait, {"until": "2020-01-01T00:00:00Z"}, FakeContext())
    assert output["waited"] == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "give either a duration or until; neither is given"),
        ({"duration": 1, "until": "2030-01-01T00:00:00Z"}, "until; both are given"),
        ({"duration": -1}, "duration: must not be negative"),
        ({"duration": "-PT1S"}, "duration: must not be negative"),
        ({"duration": "a while"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": "01:30:00"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": "3 days"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": "P"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": "PT"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": "P1DT"}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": True}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": [1]}, "duration: takes a number of seconds, or ISO 8601"),
        ({"duration": 1e300}, "duration: must not be longer than 3650 days"),
        ({"duration": "P" + "9" * 400 + "D"}, "duration: must not be longer than 3650 days"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until: must not be more than 3650 days away"),
        ({"until": "2030-01-01T00:00:00"}, "timezone"),
        ({"minutes": 3}, 'takes no "minutes"'),
    ],
)
async def test_what_is_no_time_is_refused_at_submit(config: dict[str, Any], said: str) -> None:
    nodes = [{"id": "a", "handler": "wait", "config": config}]
    async with Engine() as engine:
        problems = await engine.check({"name": "w", "dag": {"nodes": nodes}})
    assert said in str(problems)
    assert "; or " not in str(problems)
    assert len(problems) == 1
    assert problems[0].pointer.startswith("/dag/nodes/0/config")


async def test_nodes_after_it_run_when_the_time_has_come() -> None:
    nodes = [
        {"id": "pause", "handler": "wait", "config": {"duration": "{{ execution.input.pause }}"}},
        {
            "id": "after",
            "handler": "output",
            "dependencies": ["pause"],
            "config": {"value": "{{ pause.output.waited }}"},
        },
    ]
    async with Engine() as engine:
        result = await engine.run({"name": "w", "dag": {"nodes": nodes}}, {"pause": 0.3})
    assert 0.3 <= result.results["after"] < 3


async def test_a_rendered_truth_is_no_duration() -> None:
    config = {"duration": "{{ execution.input.pause }}"}
    nodes = [{"id": "pause", "handler": "wait", "config": config}]
    async with Engine() as engine:
        execution, _ = await engine.start_execution(
            {"name": "w", "dag": {"nodes": nodes}}, {"pause": True}
        )
        error = (await engine.wait(execution)).errors["pause"]
    assert (error["type"], error["retryable"]) == ("InvalidConfig", False)
    assert "/duration: takes a number of seconds" in error["message"]


def test_the_schema_takes_a_number_or_a_string(wait: Handler) -> None:
    schema = wait.Config.model_json_schema()["properties"]["duration"]
    assert {each["type"] for each in schema["anyOf"]} >= {"number", "string"}


async def test_a_moment_long_ago_has_passed(wait: Handler) -> None:
    config = {"until": "0001-01-01T00:00:00+14:00"}
    assert (await run_handler(wait, config, FakeContext()))["waited"] == 0


async def test_the_moment_is_that_of_the_context(wait: Handler) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(Deferred) as deferred:
        await run_handler(wait, {"until": "2026-01-01T01:00:00+00:30"}, FakeContext(now=now))
    assert deferred.value.seconds == 1800
