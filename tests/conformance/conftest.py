"""Fixtures: every case runs once per store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.backends import BACKENDS
from wfcore.testing.conformance.backend import Backend, Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import Lab


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    if chosen.name.startswith("redis"):
        request.getfixturevalue("redis_server")
    return chosen


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def lab(backend: Backend, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Lab]:
    async with backend.opened(Place(tmp_path, clock)) as store:
        yield Lab(store, backend, clock)
