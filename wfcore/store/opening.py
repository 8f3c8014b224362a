"""From a store's URL to the store."""

from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from wfcore.errors import StoreError
from wfcore.problems import did_you_mean
from wfcore.store.contract import StateStore
from wfcore.store.memory import MemoryStore

__all__ = ["Durability", "store_from_url"]

Durability = Literal["durable", "relaxed"]
_SCHEMES: Final = ("memory", "sqlite")


def store_from_url(url: str, *, durability: Durability = "durable") -> StateStore:
    """Return the store that a URL names: `memory://`, `sqlite:///relative`, `sqlite:////absolute`.

    Raises `StoreError` for another scheme.
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
        return SqliteStore(Path(path), durability=durability)
    # Only the scheme is told: the rest may hold a password.
    hint = did_you_mean(parts.scheme, _SCHEMES) or f"known are {', '.join(_SCHEMES)}"
    raise StoreError(f"no store for the scheme {parts.scheme!r}: {hint}")
