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
    ("duration", "seconds"), [(5, 5), (1.5, 1.5), ("PT90M", 5400), ("P1DT12H", 129_600)]
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
        ({}, "either a duration or until"),
        ({"duration": 1, "until": "2030-01-01T00:00:00Z"}, "either a duration or until"),
        ({"duration": -1}, "greater than or equal"),
        ({"duration": "a while"}, "duration"),
        ({"until": "2030-01-01T00:00:00"}, "timezone"),
        ({"minutes": 3}, 'takes no "minutes"'),
    ],
)
async def test_what_is_no_time_is_refused_at_submit(config: dict[str, Any], said: str) -> None:
    nodes = [{"id": "a", "handler": "wait", "config": config}]
    async with Engine() as engine:
        problems = await engine.check({"name": "w", "dag": {"nodes": nodes}})
    assert said in str(problems)
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
