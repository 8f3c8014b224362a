"""Fixtures: every functional case runs on memory, SQLite and Redis, through the public Engine."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.acting import Gate, Recorder, boom, echo, noop
from wfcore import Engine, RetryDefaults
from wfcore.plugins.handler import HandlerLike

Opening = Callable[..., AbstractAsyncContextManager[Engine]]

QUICK = RetryDefaults(max_retries=3, base_backoff=0.01, retry_delay=0.0)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/wf.db"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def opening(store: str, recorder: Recorder, gate: Gate) -> Opening:
    """Open an engine on the case's store; options are those of `Engine`."""

    @asynccontextmanager
    async def opened(*more: HandlerLike, **options: Any) -> AsyncIterator[Engine]:
        handlers: Iterable[HandlerLike] = (
            noop,
            echo,
            boom,
            recorder.handler,
            gate.held,
            gate.blocked,
            *more,
        )
        defaults: dict[str, Any] = {"retry": QUICK, "durability": "relaxed", "drain_seconds": 0.2}
        async with Engine(store, handlers=handlers, **(defaults | options)) as engine:
            yield engine

    return opened


@pytest.fixture
async def engine(opening: Opening) -> AsyncIterator[Engine]:
    """An engine without a fault: at the end, no sweep had healed anything."""
    async with opening() as engine:
        yield engine
        counters = engine.counters
        assert (counters.expired, counters.redispatched, counters.resumed) == (0, 0, 0)
