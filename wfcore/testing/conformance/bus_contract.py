"""All cases that every bus has to pass, in one base class for the tests of a bus.

A bus may lose, repeat and reorder: the cases ask for no more than the contract does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Final

import pytest

from wfcore.bus.contract import Task, TaskBus

__all__ = ["BusBackend", "BusContract"]

PATIENCE: Final = 10.0
"""Seconds until a case gives up; nothing waits that long where all is well."""


@dataclass(frozen=True)
class BusBackend:
    """One kind of bus, and what the cases may count on."""

    name: str
    make: Callable[[], TaskBus]
    filters: bool = False
    """Takes only from the queues that it was opened with."""
    merges: bool = False
    """A task that still waits is not queued a second time."""

    @asynccontextmanager
    async def opened(self, queues: Collection[str]) -> AsyncIterator[TaskBus]:
        bus = self.make()
        await bus.open(queues)
        try:
            yield bus
        finally:
            async with asyncio.timeout(PATIENCE):
                await bus.close()


def task(number: int, queue: str = "default") -> Task:
    """Return a hint; those of other numbers are others."""
    return Task("x1", f"loop[{number}]/é", queue, "call_llm")


async def take_until(bus: TaskBus, wanted: set[Task], limit: int = 10) -> list[Task]:
    """Take until everything wanted has come, and return all that came."""
    found: list[Task] = []
    async with asyncio.timeout(PATIENCE):
        while not wanted <= set(found):
            some = await bus.take(limit)
            assert 1 <= len(some) <= limit
            await bus.claimed(some)
            found += some
    return found


class BusContract:
    """Derive a class from this one, say how to make your bus, and pytest holds it to the contract.

        class TestMyBus(BusContract):
            def make_bus(self) -> TaskBus:
                return MyBus("localhost")

    Each bus that is made has to be empty at first. The cases are `async def` and need
    pytest-asyncio with `asyncio_mode = auto`.
    """

    filters: ClassVar[bool] = False
    """Takes only from the queues that it was opened with."""
    merges: ClassVar[bool] = False
    """A task that still waits is not queued a second time."""

    def make_bus(self) -> TaskBus:
        """Return a bus that is not open yet, with nothing in it."""
        raise NotImplementedError("say how to make the bus: def make_bus(self)")

    @pytest.fixture
    def backend(self) -> BusBackend:
        """Give what the cases may count on."""
        return BusBackend(type(self).__name__, self.make_bus, self.filters, self.merges)

    @pytest.fixture
    async def bus(self, backend: BusBackend) -> AsyncIterator[TaskBus]:
        """Give an open bus with the queues that cases use."""
        async with backend.opened(["default", "gpu"]) as opened:
            yield opened

    async def test_what_is_published_is_taken_as_it_was(self, bus: TaskBus) -> None:
        await bus.publish([task(1)])
        found = await take_until(bus, {task(1)})
        assert all(isinstance(item, Task) for item in found)
        assert set(found) == {task(1)}

    async def test_take_waits_until_there_is_something(self, bus: TaskBus) -> None:
        waiting = asyncio.ensure_future(take_until(bus, {task(1)}))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await bus.publish([task(1)])
        assert task(1) in await waiting

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_take_returns_no_more_than_its_limit(self, bus: TaskBus, limit: int) -> None:
        wanted = {task(number) for number in range(20)}
        await bus.publish(sorted(wanted))
        assert set(await take_until(bus, wanted, limit)) == wanted

    async def test_taking_now_never_waits_and_loses_nothing(self, bus: TaskBus) -> None:
        assert bus.take_now(10) == []
        wanted = {task(number) for number in range(4)}
        await bus.publish(sorted(wanted))
        at_hand = bus.take_now(2)
        assert len(at_hand) <= 2
        await take_until(bus, wanted - set(at_hand))

    async def test_publishing_nothing_wakes_nobody(self, bus: TaskBus) -> None:
        waiting = asyncio.ensure_future(bus.take(1))
        await bus.publish([])
        await bus.claimed([])
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await bus.publish([task(1)])
        assert await asyncio.wait_for(waiting, PATIENCE) == [task(1)]

    async def test_tasks_of_all_subscribed_queues_come(self, bus: TaskBus) -> None:
        wanted = {task(1, "default"), task(1, "gpu")}
        await bus.publish(sorted(wanted))
        assert set(await take_until(bus, wanted)) == wanted

    async def test_takers_side_by_side_get_everything_between_them(self, bus: TaskBus) -> None:
        wanted = {task(number) for number in range(30)}
        found: list[Task] = []

        async def worker() -> None:
            while not wanted <= set(found):
                found.extend(await bus.take(2))

        workers = [asyncio.ensure_future(worker()) for _ in range(3)]
        for one in sorted(wanted):
            await bus.publish([one])
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        for one_worker in workers:
            one_worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        assert set(found) == wanted

    async def test_a_take_that_is_cancelled_loses_nothing(self, bus: TaskBus) -> None:
        for number in range(5):
            waiting = asyncio.ensure_future(bus.take(10))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await bus.publish([task(number)])
            assert task(number) in await take_until(bus, {task(number)})

    async def test_a_task_that_was_taken_comes_again_when_it_is_published_again(
        self, bus: TaskBus
    ) -> None:
        for _ in range(3):
            await bus.publish([task(1)])
            await take_until(bus, {task(1)})

    async def test_a_task_that_was_claimed_does_not_come_again(self, bus: TaskBus) -> None:
        await bus.publish([task(1)])
        await take_until(bus, {task(1)})
        await bus.publish([task(2)])
        assert task(1) not in await take_until(bus, {task(2)})

    async def test_claiming_what_was_never_taken_does_no_harm(self, bus: TaskBus) -> None:
        await bus.claimed([task(1)])
        await bus.publish([task(1)])
        await take_until(bus, {task(1)})

    async def test_a_task_that_is_published_often_comes_at_least_once(
        self, bus: TaskBus, backend: BusBackend
    ) -> None:
        for _ in range(5):
            await bus.publish([task(1), task(1)])
        await bus.publish([task(2)])
        found = await take_until(bus, {task(1), task(2)})
        if backend.merges:
            assert found == [task(1), task(2)]

    async def test_a_worker_takes_from_the_queues_that_it_works_on(
        self, backend: BusBackend
    ) -> None:
        async with backend.opened(["gpu"]) as bus:
            await bus.publish([task(1, "default"), task(2, "gpu")])
            found = await take_until(bus, {task(2, "gpu")})
        # Where publisher and worker are one process, all queues are alike.
        assert (task(1, "default") not in found) == backend.filters

    async def test_closing_ends_in_time_while_someone_waits(self, backend: BusBackend) -> None:
        async with backend.opened(["default"]) as bus:
            waiting = asyncio.ensure_future(bus.take(1))
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def test_publishing_on_a_closed_bus_does_not_raise(self, backend: BusBackend) -> None:
        async with backend.opened(["default"]) as bus:
            await bus.publish([task(1)])
        await bus.publish([task(2)])
