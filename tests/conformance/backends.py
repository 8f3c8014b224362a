"""The stores that conformance holds to the contract, and what differs between them.

A new store joins with one entry in `BACKENDS`. If it takes an injected clock, the state machine
holds it too and every direct case is exact; if its server keeps the time, `moves_clock` is False,
and the direct cases wait for real (tens of milliseconds each).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from redis import Redis

from tests.conformance.clock import ManualClock
from tests.servers.redis import DATABASES, shared_redis, shared_redis_cluster
from wfcore.store.clock import Clock
from wfcore.store.contract import StateStore
from wfcore.store.memory import MemoryStore
from wfcore.store.redis import RedisStore
from wfcore.store.sqlite import SqliteStore

__all__ = ["BACKENDS", "RESTARTING", "Backend", "Place"]

_SLACK_MS: Final = 15


@dataclass(frozen=True)
class Place:
    """Where a test's store may put its data: a directory of its own, and the test's clock."""

    directory: Path
    clock: Clock


@dataclass(frozen=True)
class Backend:
    """One kind of store: how to make it, and what the cases may count on."""

    name: str
    make: Callable[[Place], StateStore]
    moves_clock: bool = True
    """Takes the time from the injected clock."""
    restarts: bool = False
    """What was acknowledged is there after the store is opened anew at the same place."""
    deletes_in_steps: bool = False
    """Many rows are more than one step; elsewhere any execution goes at once."""
    in_shards: bool = False
    """Executions are spread, and each shard has documents of its own."""
    releases_leases: bool = False
    """Opening makes the leases of the owner before due at once: one owner at a time."""

    @asynccontextmanager
    async def opened(self, place: Place) -> AsyncIterator[StateStore]:
        store = self.make(place)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def elapse(self, clock: ManualClock, ms: int) -> None:
        """Let time pass for the store: at once where the clock is ours, else for real."""
        if self.moves_clock:
            clock.advance(ms)
        else:
            await asyncio.sleep((ms + _SLACK_MS) / 1000)


def _memory(place: Place) -> StateStore:
    return MemoryStore(clock=place.clock)


def _durable(place: Place) -> StateStore:
    return SqliteStore(place.directory / "wf.db", durability="durable", clock=place.clock)


def _relaxed(place: Place) -> StateStore:
    return SqliteStore(place.directory / "wf.db", durability="relaxed", clock=place.clock)


def _redis(place: Place) -> StateStore:
    return RedisStore(_fresh(place))


def _redis_with_our_clock(place: Place) -> StateStore:
    return RedisStore(_fresh(place), clock=place.clock)


def _redis_in_shards(place: Place) -> StateStore:
    return RedisStore(_fresh(place), shards=5, clock=place.clock)


def _redis_cluster(place: Place) -> StateStore:
    mark = place.directory / "flushed"
    if not mark.exists():
        place.directory.mkdir(parents=True, exist_ok=True)
        shared_redis_cluster().flush()
        mark.touch()
    return RedisStore(shared_redis_cluster().url, shards=8, clock=place.clock)


def _fresh(place: Place) -> str:
    """Return the address of a database that has nothing but what this place put there."""
    mark = place.directory / "database"
    if not mark.exists():
        place.directory.mkdir(parents=True, exist_ok=True)
        number = next(_databases)
        with Redis(port=shared_redis().port, db=number) as client:
            client.flushdb()
        mark.write_text(str(number))
    return f"redis://127.0.0.1:{shared_redis().port}/{mark.read_text()}"


_databases: Final = cycle(range(1, DATABASES))

BACKENDS: Final = (
    Backend("memory", _memory),
    Backend("sqlite-durable", _durable, restarts=True, deletes_in_steps=True, releases_leases=True),
    Backend("sqlite-relaxed", _relaxed, restarts=True, deletes_in_steps=True, releases_leases=True),
    Backend("redis", _redis, moves_clock=False, restarts=True),
    Backend("redis-with-our-clock", _redis_with_our_clock, restarts=True),
    Backend("redis-in-shards", _redis_in_shards, restarts=True, in_shards=True),
    Backend("redis-cluster", _redis_cluster, restarts=True, in_shards=True),
)

RESTARTING: Final = tuple(backend for backend in BACKENDS if backend.restarts)
