"""What a Redis must be before a store is opened in it, and what it promises."""

import re
from typing import Any, Final, Literal

from wfcore.errors import StoreError, StoreTooNew

__all__ = ["FORMAT", "check_server", "layout"]

FORMAT: Final = 1
"""Version of the layout in Redis; a newer one is refused."""

_LAYOUT: Final = "wf:layout"
_OLDEST: Final = (6, 2)
_LEVELS: Final = {"memory": 0, "relaxed": 1, "durable": 2}


def check_server(
    info: dict[str, Any], name: str, wanted: Literal["durable", "relaxed"] | None
) -> str:
    """Return what an acknowledgement survives: `memory`, `relaxed` or `durable`.

    `info` has what INFO and CONFIG GET said. Raises `StoreError` for a Redis that is too old, that
    throws data away when its memory is full, or that gives less than what is wanted.
    """
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < _OLDEST:
        raise StoreError(f"{name} is version {version}; 6.2 or later is needed")
    policy = info.get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        raise StoreError(
            f"{name} has maxmemory-policy {policy}: when its memory is full it would throw "
            "executions away. Set it to noeviction"
        )
    level = _level(info)
    if wanted is not None and _LEVELS[level] < _LEVELS[wanted]:
        raise StoreError(
            f"{name} gives durability {level!r}, and {wanted!r} is asked for: set appendonly yes "
            f"and appendfsync {'always' if wanted == 'durable' else 'everysec'} in Redis, or ask "
            "for less (APP_DURABILITY)"
        )
    return level


def _level(info: dict[str, Any]) -> str:
    if not int(info.get("aof_enabled", 0)):
        return "memory"
    return "durable" if info.get("appendfsync") == "always" else "relaxed"


async def layout(client: Any, name: str, shards: int | None) -> int:
    """Return the number of shards, which the first process that came has written for good."""
    await client.hsetnx(_LAYOUT, "format", FORMAT)
    if shards is not None:
        await client.hsetnx(_LAYOUT, "shards", shards)
    found_format, found_shards = await client.hmget(_LAYOUT, "format", "shards")
    if int(found_format) > FORMAT:
        raise StoreTooNew(
            f"{name} holds format {int(found_format)}, and this wfcore knows {FORMAT}; upgrade "
            "it, or use another database"
        )
    return int(found_shards)
