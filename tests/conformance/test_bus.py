"""What every bus does for a worker, and what it may never do to one.

A bus may lose, repeat and reorder: the cases ask for no more than the contract does. A new bus
joins with one entry in `BUSES`.
"""

import secrets

import pytest

from tests.servers.kafka import shared_kafka
from tests.servers.redis import shared_redis
from wfcore.bus.contract import TaskBus
from wfcore.bus.kafka import KafkaBrokers, KafkaBus
from wfcore.bus.local import LocalBus
from wfcore.bus.redis import RedisBus
from wfcore.testing.conformance.bus_contract import BusBackend, BusContract


def _redis() -> TaskBus:
    with shared_redis().client() as client:
        client.flushdb()
    return RedisBus(shared_redis().url)


def _kafka() -> TaskBus:
    brokers = KafkaBrokers(shared_kafka().bootstrap)
    return KafkaBus(brokers, partitions=3, prefix=f"test-{secrets.token_hex(4)}")


BUSES = (
    BusBackend("local", LocalBus, merges=True),
    BusBackend("redis", _redis, filters=True),
    BusBackend("kafka", _kafka, filters=True),
)


class TestBuses(BusContract):
    @pytest.fixture(params=BUSES, ids=lambda backend: backend.name)
    def backend(self, request: pytest.FixtureRequest) -> BusBackend:
        chosen: BusBackend = request.param
        if chosen.name != "local":
            request.getfixturevalue(f"{chosen.name}_server")
        return chosen
