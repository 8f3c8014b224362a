"""From a store's URL to the store."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from wfcore.errors import StoreError
from wfcore.problems import did_you_mean
from wfcore.redis_schemes import REDIS_SCHEMES
from wfcore.store.contract import StateStore
from wfcore.store.memory import MemoryStore

__all__ = ["STORE_SCHEMES", "Durability", "store_from_url"]

Durability = Literal["durable", "relaxed"]
STORE_SCHEMES: Final = ("memory", "sqlite", *REDIS_SCHEMES)
"""Those of the engine's own stores."""


def store_from_url(
    url: str,
    *,
    durability: Durability | None = None,
    shards: int | None = None,
    blobs: str | None = None,
    others: Mapping[str, Callable[[str], StateStore]] = MappingProxyType({}),
) -> StateStore:
    """Return the store that a URL names.

    `memory://`, `sqlite:///relative`, `sqlite:////absolute`, `redis://host:6379/0`,
    `redis+sentinel://host:26379,host2:26379/master/0`, `redis+cluster://host:7000,host2:7001`;
    `rediss` is Redis with TLS. `shards` counts for an empty Redis, `blobs` is an
    object store for large outputs beside it. `others` open URLs of their schemes. Raises
    `StoreError` for another scheme, and where a driver is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryStore()
    if parts.scheme == "sqlite":
        # Imported here so that a memory store needs no SQLite.
        from wfcore.store.sqlite import SqliteStore  # noqa: PLC0415

        path = unquote(parts.netloc + parts.path)[1:]
        if not path:
            raise StoreError(f"{url!r} names no file: sqlite:///wf.db or sqlite:////var/lib/wf.db")
        return SqliteStore(Path(path), durability=durability or "durable")
    if parts.scheme in REDIS_SCHEMES:
        return _redis_store(url, durability, shards, blobs)
    if parts.scheme in others:
        return others[parts.scheme](url)
    # Only the scheme is told: the rest may hold a password.
    known = ", ".join(("memory", "sqlite", "redis", *others))
    hint = did_you_mean(parts.scheme, (*STORE_SCHEMES, *others)) or f"known are {known}"
    raise StoreError(f"no store for the scheme {parts.scheme!r}: {hint}")


def _redis_store(
    url: str, durability: Durability | None, shards: int | None, blobs: str | None
) -> StateStore:
    try:
        from wfcore.store.redis import RedisStore  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("redis", "msgpack"):
            raise
        message = "the driver for Redis is not installed: pip install 'wfcore[redis]'"
        raise StoreError(message) from error
    return RedisStore(url, durability=durability, shards=shards, blobs=blobs)
