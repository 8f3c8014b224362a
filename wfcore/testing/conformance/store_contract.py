"""All cases that every store has to pass, in one base class for the tests of a store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from wfcore.store.contract import StateStore
from wfcore.testing.conformance.backend import Backend, Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.deleting import DeletingCases
from wfcore.testing.conformance.fan_out import FanOutCases
from wfcore.testing.conformance.guards import (
    CountersCases,
    DueCheckCases,
    ReplayCases,
    StateCases,
    TokenCases,
    WholenessCases,
)
from wfcore.testing.conformance.halting import ReasonsCases, RefusalsCases, SweepCases
from wfcore.testing.conformance.joins import KeepCases, StatusCases, ThresholdsCases
from wfcore.testing.conformance.lab import Lab
from wfcore.testing.conformance.reading import (
    CreateCases,
    EventsCases,
    MetersCases,
    NodesCases,
    NoticesCases,
    ResultsCases,
)
from wfcore.testing.conformance.searching import SearchingCases
from wfcore.testing.conformance.timing import DueCases, ExecutionTimeoutCases, RenewalCases

__all__ = ["StoreContract"]


class StoreContract(
    CreateCases,
    ResultsCases,
    NodesCases,
    EventsCases,
    NoticesCases,
    MetersCases,
    StateCases,
    TokenCases,
    ReplayCases,
    DueCheckCases,
    CountersCases,
    WholenessCases,
    ThresholdsCases,
    KeepCases,
    StatusCases,
    FanOutCases,
    RefusalsCases,
    ReasonsCases,
    SweepCases,
    DueCases,
    RenewalCases,
    ExecutionTimeoutCases,
    SearchingCases,
    DeletingCases,
):
    """Derive a class from this one, say how to make your store, and pytest holds it to the law.

        class TestMyStore(StoreContract):
            def make_store(self, place: Place) -> StateStore:
                return MyStore(place.directory, clock=place.clock)

    Each test gets a new, empty store; it is opened and closed around the test. The cases are
    `async def` and need pytest-asyncio with `asyncio_mode = auto`.

    A store whose server keeps the time says `moves_clock = False`: the cases then let time pass
    for real, tens of milliseconds each. `deletes_in_steps` and `in_shards` are as in `Backend`.
    """

    moves_clock: ClassVar[bool] = True
    """Takes the time from `place.clock`."""
    deletes_in_steps: ClassVar[bool] = False
    """Many rows are more than one step; elsewhere any execution goes at once."""
    in_shards: ClassVar[bool] = False
    """Executions are spread, and each shard has documents of its own."""

    def make_store(self, place: Place) -> StateStore:
        """Return a store that is not open yet, with nothing in it, for one test."""
        raise NotImplementedError("say how to make the store: def make_store(self, place)")

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock of the test, which stands still until the test moves it."""
        return ManualClock()

    @pytest.fixture
    def backend(self) -> Backend:
        """Give what the cases may count on."""
        return Backend(
            type(self).__name__,
            self.make_store,
            moves_clock=self.moves_clock,
            deletes_in_steps=self.deletes_in_steps,
            in_shards=self.in_shards,
        )

    @pytest.fixture
    async def lab(self, backend: Backend, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Lab]:
        """Give the open store with the steps that cases begin with."""
        async with backend.opened(Place(tmp_path, clock)) as store:
            yield Lab(store, backend, clock)
