"""A handler that asks to be run later: the node waits in the store, and no worker is held."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Opening
from wfcore import Deferred, Engine, NodeContext, NodeError, Result, Status, handler
from wfcore.engine.decide import Failed
from wfcore.engine.failure import failure_of, release_of
from wfcore.engine.retry import RetryDefaults
from wfcore.secrets.redactor import Redactor


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


class _Broken:
    def __float__(self) -> float:
        raise KeyError("no number")

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


async def _outcome(opening: Opening, later: Deferred) -> Any:
    @handler
    def puts_off(context: NodeContext) -> int:
        if context.attempt == 1:
            raise later
        return context.attempt

    async with opening(puts_off) as engine:
        nodes = [{"id": "a", "handler": "puts_off"}]
        execution, _ = await engine.start_execution({"name": "w", "dag": {"nodes": nodes}})
        await engine.wait(execution, 10)
        return await engine.node(execution, "a")


async def test_seconds_that_cannot_be_read_fail_the_node(opening: Opening) -> None:
    view = await _outcome(opening, Deferred(_Broken()))  # type: ignore[arg-type]
    assert view["error"]["type"] == "InvalidDelay"


async def test_a_reason_that_cannot_be_read_puts_the_node_off(opening: Opening) -> None:
    view = await _outcome(opening, Deferred(0.1, _Broken()))  # type: ignore[arg-type]
    assert view["state"] == "COMPLETED"
    assert "RuntimeError" in view["attempts"][0]["released"]


async def test_at_once_is_a_moment_later(opening: Opening) -> None:
    view = await _outcome(opening, Deferred(0))
    assert view["attempts"][0]["resumes_in_ms"] == 50


def test_secrets_are_masked_in_a_delay_and_in_the_name_of_an_error() -> None:
    mask = Redactor(["s3cr3t-token"])
    failed = release_of(Deferred("s3cr3t-token"), (), mask)  # type: ignore[arg-type]
    named = failure_of(type("s3cr3t-token", (Exception,), {})(), mask)
    assert "InvalidDelay" in str(failed)
    assert "s3cr3t" not in f"{failed}{named}"


def test_a_delay_of_many_digits_is_the_longest() -> None:
    failed = failure_of(NodeError("Busy", "later", retry_after=10**5000))
    assert failed.error["type"] == "Busy"


def test_what_is_broken_itself_is_a_failure_all_the_same() -> None:
    class Timeless(Deferred):
        @property
        def seconds(self) -> float:
            raise KeyError("no number")

        @seconds.setter
        def seconds(self, _: float) -> None: ...

    class Causeless(Exception):
        @property
        def __cause__(self) -> Any:  # type: ignore[override]
            raise KeyError("no cause")

    timeless, causeless = release_of(Timeless(1), ()), failure_of(Causeless("said"))
    assert isinstance(timeless, Failed)
    assert timeless.error["type"] == "Timeless"
    assert (causeless.error["type"], causeless.error["message"]) == ("Causeless", "said")
