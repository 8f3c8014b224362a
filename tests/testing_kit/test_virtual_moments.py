"""What handlers see of the time in a virtual run, and what a long wait costs."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from wfcore import DocumentRefused, NodeContext, Status, handler
from wfcore.testing import run_workflow

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _alone(name: str, **config: Any) -> dict[str, Any]:
    nodes = [{"id": "a", "handler": name, "config": config}]
    return {"name": "w", "dag": {"nodes": nodes}}


def test_a_wait_until_a_moment_ends_in_virtual_time() -> None:
    run = run_workflow(_alone("wait", until="2026-01-01T05:00:00+01:00"))
    assert run.status is Status.COMPLETED
    assert run.outputs["a"]["ended"].startswith("2026-01-01T04:00:00")
    assert run.seconds == pytest.approx(4 * 3600, abs=1)
    assert run.attempts["a"] == 2


def test_handlers_see_virtual_time() -> None:
    @handler
    async def look(context: NodeContext) -> list[Any]:
        await asyncio.sleep(7200)
        return [context.now.isoformat(), context.elapsed]

    run = run_workflow(_alone("look"), handlers=[look])
    now, elapsed = run.outputs["a"]["value"]
    assert (datetime.fromisoformat(now) - _BEGIN).total_seconds() == pytest.approx(7200, abs=1)
    assert elapsed == pytest.approx(7200, abs=1)


def test_an_hour_of_waiting_costs_next_to_nothing() -> None:
    begun = time.perf_counter()
    run = run_workflow(_alone("wait", duration="PT20H"))
    assert run.outputs["a"]["waited"] == pytest.approx(20 * 3600, abs=1)
    # Four seconds where the engine looks every virtual second.
    assert time.perf_counter() - begun < 2


def test_a_timeout_of_the_execution_is_met_while_it_waits() -> None:
    run = run_workflow(_alone("wait", duration="PT20H") | {"timeout": 5000.5})
    assert run.status is Status.FAILED
    assert run.seconds == pytest.approx(5000.5, abs=0.1)


@pytest.mark.parametrize("in_loop", [False, True])
def test_an_error_is_not_said_to_come_of_another(in_loop: bool) -> None:
    def call() -> None:
        with pytest.raises(DocumentRefused) as refused:
            run_workflow(_alone("nonesuch"))
        assert refused.value.__context__ is None

    async def inside() -> None:
        call()

    asyncio.run(inside()) if in_loop else call()
