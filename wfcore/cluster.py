"""The store and the bus of a cluster, from the settings of its processes."""

from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from wfcore.bus.contract import TaskBus
from wfcore.bus.opening import bus_from_url, kafka_bus, kafka_events
from wfcore.engine.relay import Telling
from wfcore.plugins.registry import Registry
from wfcore.problems import Problem
from wfcore.settings import Settings, SettingsRefused
from wfcore.store.opening import store_from_url
from wfcore.store.shared import SharedStore

__all__ = ["cluster_options"]

_NO_STORE: Final = (
    "a cluster needs a Redis: set APP_REDIS_HOST (and APP_REDIS_PORT, APP_REDIS_PASSWORD), or "
    "APP_STORE_URL=redis://host:6379/0"
)
_NO_BUS: Final = "a cluster needs a bus: set APP_KAFKA_BOOTSTRAP_SERVERS=host:9092, or APP_BUS_URL"
_ALONE: Final = "`wf dev` is server and worker in one process, on a file of its own"


def cluster_options(settings: Settings, registry: Registry) -> dict[str, Any]:
    """Return the arguments of an `Engine` of these plugins whose store other processes share.

    Raises `SettingsRefused` where the settings name no store or no bus for that, and `StoreError`
    where one cannot be what it is asked to be.
    """
    options = settings.engine_options()
    options["registry"] = registry
    options["store"] = _store(settings, registry)
    options["bus"] = _bus(settings, registry)
    options["queues"] = settings.queues
    brokers = _brokers(settings)
    if brokers is not None and settings.events != "none":
        sink = kafka_events(brokers, **_kafka_options(settings))
        options["events_to"] = Telling(sink, settings.events)
    return options


def _store(settings: Settings, registry: Registry) -> SharedStore:
    url = settings.store_url or _redis_url(settings)
    if url is None:
        _refuse("setting.store", _NO_STORE, _ALONE)
    durability = settings.engine_options()["durability"]
    store = store_from_url(
        url,
        durability=durability,
        shards=settings.redis_shards,
        blobs=settings.blob_url,
        others=registry.stores,
    )
    if not isinstance(store, SharedStore):
        scheme = urlsplit(url).scheme
        message = f"APP_STORE_URL is {scheme}://, which one process has for itself"
        _refuse("setting.store", message, f"{_NO_STORE}; {_ALONE}")
    return store


def _redis_url(settings: Settings) -> str | None:
    if settings.redis_host is None:
        return None
    password = f":{quote(settings.redis_password, safe='')}@" if settings.redis_password else ""
    host = f"[{settings.redis_host}]" if ":" in settings.redis_host else settings.redis_host
    return f"redis://{password}{host}:{settings.redis_port}/{settings.redis_db}"


def _bus(settings: Settings, registry: Registry) -> TaskBus:
    brokers = _brokers(settings)
    if brokers is not None:
        return kafka_bus(brokers, **_kafka_options(settings))
    if settings.bus_url is None:
        _refuse("setting.bus", _NO_BUS)
    return bus_from_url(settings.bus_url, others=registry.buses)


def _brokers(settings: Settings) -> str | None:
    """Return Kafka's brokers, unless another bus is asked for."""
    if settings.bus_url is None:
        return settings.kafka_bootstrap_servers
    parts = urlsplit(settings.bus_url)
    return parts.netloc if parts.scheme == "kafka" else None


def _kafka_options(settings: Settings) -> dict[str, Any]:
    files = {
        "ssl_cafile": settings.kafka_ssl_cafile,
        "ssl_certfile": settings.kafka_ssl_certfile,
        "ssl_keyfile": settings.kafka_ssl_keyfile,
    }
    return {
        "partitions": settings.kafka_partitions,
        "prefix": settings.kafka_prefix,
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_username": settings.kafka_sasl_username,
        "sasl_password": settings.kafka_sasl_password,
        **{name: str(path) for name, path in files.items() if path is not None},
    }


def _refuse(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise SettingsRefused((Problem(code, "", message, hint),))
