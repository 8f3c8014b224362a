"""A handler that asks to be run later: the node waits in the store, and no worker is held."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Opening
from wfcore import Deferred, Engine, NodeContext, Result, Status, handler
from wfcore.engine.retry import RetryDefaults


@handler
def patient(context: NodeContext, seconds: float = 0.2, times: int = 2) -> dict[str, Any]:
    """Put itself off some times."""
    if context.attempt <= times:
        context.logger.info("attempt %d", context.attempt)
        raise Deferred(seconds, f"not before attempt {times + 1}")
    return {"attempt": context.attempt, "elapsed": context.elapsed}


def document(**config: Any) -> dict[str, Any]:
    return {"name": "d", "dag": {"nodes": [{"id": "a", "handler": "patient", "config": config}]}}


async def test_it_runs_again_later_without_a_charge(opening: Opening) -> None:
    retry = RetryDefaults(max_retries=0)
    async with opening(patient, retry=retry, concurrency=1) as engine:
        result = await engine.run(document())
        counters = engine.counters
        view = await engine.node(result.execution_id, "a")
    output = result.results["a"]
    assert output["attempt"] == 3
    assert output["elapsed"] >= 0.4
    assert (counters.deferred, counters.retried, counters.failed) == (2, 0, 0)
    first = view["attempts"][0]
    assert (first["outcome"], first["resumes_in_ms"]) == ("WAITING", 200)
    assert first["released"] == "not before attempt 3"
    assert first["log"] == ["INFO attempt 1"]


async def test_no_slot_is_held_meanwhile(opening: Opening) -> None:
    async with opening(patient, concurrency=1) as engine:
        waiting, _ = await engine.start_execution(document(seconds=30))
        while (await engine.execution(waiting))["nodes"]["a"]["state"] != "WAITING":
            await asyncio.sleep(0.01)
        quick = {"name": "q", "dag": {"nodes": [{"id": "a", "handler": "noop"}]}}
        assert (await engine.run(quick)).status is Status.COMPLETED
        assert (await engine.cancel(waiting)) is Status.CANCELLED


async def test_the_execution_s_timeout_ends_it(opening: Opening) -> None:
    async with opening(patient) as engine:
        execution, _ = await engine.start_execution(document(seconds=30) | {"timeout": 0.3})
        result = await engine.wait(execution, 10)
    assert result.status is Status.FAILED


@pytest.mark.parametrize("seconds", [-1, float("nan"), 1e12, "soon"])
async def test_a_delay_that_is_none_fails_the_node(opening: Opening, seconds: Any) -> None:
    @handler
    def wrong() -> None:
        raise Deferred(seconds)

    async with opening(wrong) as engine:
        nodes = [{"id": "a", "handler": "wrong"}]
        execution, _ = await engine.start_execution({"name": "w", "dag": {"nodes": nodes}})
        error = (await engine.wait(execution)).errors["a"]
    assert (error["type"], error["retryable"]) == ("InvalidDelay", False)


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    async with Engine(store, handlers=[patient], discover=False) as engine:
        execution, _ = await engine.start_execution(document(seconds=1.0, times=1))
        while (await engine.execution(execution))["nodes"]["a"]["state"] != "WAITING":
            await asyncio.sleep(0.01)
    await asyncio.sleep(1.0)
    async with Engine(store, handlers=[patient], discover=False) as engine:
        result: Result = await engine.wait(execution, 5)
    assert result.status is Status.COMPLETED
    assert 1.0 <= result.results["a"]["elapsed"] < 4
