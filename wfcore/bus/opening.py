"""From a bus's URL to the bus."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from wfcore.bus.contract import TaskBus
from wfcore.bus.events import EventSink
from wfcore.bus.local import LocalBus
from wfcore.errors import StoreError
from wfcore.problems import did_you_mean
from wfcore.redis_schemes import REDIS_SCHEMES

__all__ = ["BUS_SCHEMES", "bus_from_url", "kafka_bus", "kafka_events"]

BUS_SCHEMES: Final = ("local", "kafka", *REDIS_SCHEMES)
"""Those of the engine's own buses."""


def bus_from_url(
    url: str, *, others: Mapping[str, Callable[[str], TaskBus]] = MappingProxyType({})
) -> TaskBus:
    """Return the bus that a URL names: `local://`, `kafka://host:9092,host2:9092`, `redis://host`.

    `others` open URLs of their schemes. Raises `StoreError` for another scheme, and where a driver
    is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "local":
        return LocalBus()
    if parts.scheme == "kafka":
        return kafka_bus(parts.netloc)
    if parts.scheme in REDIS_SCHEMES:
        return _redis_bus(url)
    if parts.scheme in others:
        return others[parts.scheme](url)
    # Only the scheme is told: the rest may hold a password.
    known = ", ".join(("kafka", "redis", "local", *others))
    hint = did_you_mean(parts.scheme, (*BUS_SCHEMES, *others)) or f"known are {known}"
    raise StoreError(f"no bus for the scheme {parts.scheme!r}: {hint}")


def kafka_bus(brokers: str, *, partitions: int = 8, prefix: str = "wf", **login: Any) -> TaskBus:
    """Return a bus on Kafka; `login` are fields of `KafkaBrokers`. Raises `StoreError`."""
    kafka = _kafka(brokers)
    at = kafka.KafkaBrokers(brokers, **login)
    bus: TaskBus = kafka.KafkaBus(at, partitions=partitions, prefix=prefix)
    return bus


def kafka_events(
    brokers: str, *, partitions: int = 8, prefix: str = "wf", **login: Any
) -> EventSink:
    """Return where events are told on Kafka, the topic `<prefix>.events`; raises `StoreError`."""
    kafka = _kafka(brokers)
    at = kafka.KafkaBrokers(brokers, **login)
    sink: EventSink = kafka.KafkaEvents(at, partitions=partitions, topic=f"{prefix}.events")
    return sink


def _kafka(brokers: str) -> Any:
    """Import what needs the driver."""
    if not brokers or "@" in brokers:
        raise StoreError("write kafka://host:9092,host2:9092; logins are settings (APP_KAFKA_...)")
    try:
        return import_module("wfcore.bus.kafka")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiokafka":
            raise
        message = "the driver for Kafka is not installed: pip install 'wfcore[kafka]'"
        raise StoreError(message) from error


def _redis_bus(url: str) -> TaskBus:
    try:
        from wfcore.bus.redis import RedisBus  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        message = "the driver for Redis is not installed: pip install 'wfcore[redis]'"
        raise StoreError(message) from error
    return RedisBus(url)
