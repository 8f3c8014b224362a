"""The stores that conformance holds to the contract, and what differs between them.

A new store joins with one entry in `BACKENDS`. If it takes an injected clock, the state machine
holds it too and every direct case is exact; if its server keeps the time, `moves_clock` is False,
and the direct cases wait for real (tens of milliseconds each).
"""

from itertools import cycle
from typing import Final

from redis import Redis

from tests.servers.redis import DATABASES, shared_redis, shared_redis_cluster
from wfcore.store.contract import StateStore
from wfcore.store.memory import MemoryStore
from wfcore.store.redis import RedisStore
from wfcore.store.sqlite import SqliteStore
from wfcore.testing.conformance.backend import Backend, Place

__all__ = ["BACKENDS", "RESTARTING"]


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
