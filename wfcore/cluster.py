"""The store and the bus of a cluster, from the settings of its processes."""

from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from wfcore.bus.contract import TaskBus
from wfcore.bus.opening import bus_from_url, kafka_bus
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


def cluster_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of an `Engine` whose store other processes share.

    Raises `SettingsRefused` where the settings name no store or no bus for that, and `StoreError`
    where one cannot be what it is asked to be.
    """
    options = settings.engine_options()
    options["store"] = _store(settings)
    options["bus"] = _bus(settings)
    options["queues"] = settings.queues
    return options


def _store(settings: Settings) -> SharedStore:
    url = settings.store_url or _redis_url(settings)
    if url is None:
        _refuse("setting.store", _NO_STORE, _ALONE)
    durability = settings.engine_options()["durability"]
    store = store_from_url(url, durability=durability, shards=settings.redis_shards)
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


def _bus(settings: Settings) -> TaskBus:
    url = settings.bus_url
    if url is None and settings.kafka_bootstrap_servers is not None:
        url = f"kafka://{settings.kafka_bootstrap_servers}"
    if url is None:
        _refuse("setting.bus", _NO_BUS)
    if urlsplit(url).scheme != "kafka":
        return bus_from_url(url)
    files = (settings.kafka_ssl_cafile, settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    cafile, certfile, keyfile = (str(path) if path is not None else None for path in files)
    return kafka_bus(
        urlsplit(url).netloc,
        partitions=settings.kafka_partitions,
        prefix=settings.kafka_prefix,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=settings.kafka_sasl_password,
        ssl_cafile=cafile,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )


def _refuse(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise SettingsRefused((Problem(code, "", message, hint),))
