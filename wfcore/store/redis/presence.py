"""Which workers are there: each says so for a while, again and again."""

import json
from typing import Any, Final

from wfcore.store.shared import WorkerRecord

__all__ = ["announce", "workers"]

_NAMES: Final = "wf:workers"


async def announce(client: Any, worker: WorkerRecord, ttl_ms: int) -> None:
    """Keep a worker's record for `ttl_ms`, or with 0 remove it."""
    if ttl_ms <= 0:
        await client.delete(_key(worker.name))
        await client.srem(_NAMES, worker.name)
        return
    record = json.dumps({"v": 1, "handlers": worker.handlers, "queues": worker.queues})
    await client.set(_key(worker.name), record, px=ttl_ms)
    await client.sadd(_NAMES, worker.name)


async def workers(client: Any) -> list[WorkerRecord]:
    """Read the records that are still kept, and forget the names of the others."""
    found: list[WorkerRecord] = []
    for name in sorted(each.decode() for each in await client.smembers(_NAMES)):
        stored = await client.get(_key(name))
        if stored is None:
            await client.srem(_NAMES, name)
            continue
        record = json.loads(stored)
        found.append(WorkerRecord(name, tuple(record["handlers"]), tuple(record["queues"])))
    return found


def _key(name: str) -> str:
    return f"wf:worker:{name}"
