"""The bus on Redis alone, for clusters without Kafka: a list per queue.

A popped hint that is lost with its worker is healed by the store, like any lost hint.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from wfcore.bus.arrivals import Arrivals
from wfcore.bus.contract import Task
from wfcore.bus.record import MalformedRecord, by_queue, read_record, write_record
from wfcore.redis_servers import RedisServers

__all__ = ["RedisBus"]

_log = logging.getLogger(__name__)
_KEY: Final = "{wf:hints}:"
_MOST_KEPT: Final = 100_000
_MOST_OUTGOING: Final = 10_000
_AT_ONCE: Final = 16
_BLOCK_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.5
_CLOSE_SECONDS: Final = 2.0


class RedisBus:
    """A `TaskBus` on Redis lists; they are bounded, since the store has every READY node."""

    def __init__(self, url: str) -> None:
        self._servers = RedisServers.read(url)
        self.name = self._servers.name
        self._arrivals = Arrivals()
        self._outgoing: deque[Task] = deque(maxlen=_MOST_OUTGOING)
        self._to_send = asyncio.Event()
        self._queues: tuple[str, ...] = ()
        self._working: Any = None
        self._blocking: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: set[str] = set()
        self._connected = False
        self._closing = False

    @property
    def healthy(self) -> bool:
        """Whether Redis answered the last time that it was asked; not before it was."""
        return self._connected and not self._failed

    async def open(self, queues: Collection[str]) -> None:
        """Begin to send, and to receive from the queues; where Redis is away, as soon as it is."""
        self._queues = tuple(queues)
        self._working, self._blocking = self._servers.client(4), self._servers.client(2)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep(self._send, "send"))]
        if queues:
            self._tasks.append(loop.create_task(self._keep(self._receive, "receive")))

    async def close(self) -> None:
        """Send what waits, within two seconds, and disconnect."""
        self._closing = True
        self._to_send.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=_CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        for client in (self._working, self._blocking):
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def publish(self, tasks: Sequence[Task]) -> None:
        """Queue hints to be sent; of too many, the oldest are dropped."""
        self._outgoing.extend(tasks)
        self._to_send.set()

    async def take(self, limit: int) -> list[Task]:
        """Wait for hints."""
        return await self._arrivals.take(limit)

    def take_now(self, limit: int) -> list[Task]:
        """Return hints that are at hand."""
        return self._arrivals.take_now(limit)

    async def claimed(self, tasks: Sequence[Task]) -> None:
        """Do nothing: a popped hint does not come again."""

    async def lag(self) -> Mapping[str, int]:
        """Count the records that wait, by queue."""
        try:
            return {queue: int(await self._working.llen(_KEY + queue)) for queue in self._queues}
        except (RedisError, OSError):
            return {}

    async def _keep(self, work: Any, name: str) -> None:
        while not self._closing:
            try:
                await work()
            except (RedisError, OSError) as error:
                if name not in self._failed:
                    _log.warning("the bus cannot %s: %s: %s", name, self._servers.name, error)
                self._failed.add(name)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self) -> None:
        await self._working.ping()
        self._connected = True
        self._failed.discard("send")
        while True:
            if not self._outgoing:
                if self._closing:
                    return
                self._to_send.clear()
                await self._to_send.wait()
                continue
            tasks = [self._outgoing.popleft() for _ in range(min(len(self._outgoing), 512))]
            records: dict[str, list[bytes]] = {}
            for queue, some in by_queue(tasks):
                records.setdefault(queue, []).append(write_record(queue, some))
            for queue, values in records.items():
                length = await self._working.rpush(_KEY + queue, *values)
                if length > _MOST_KEPT:
                    await self._working.ltrim(_KEY + queue, -_MOST_KEPT, -1)
            self._failed.discard("send")

    async def _receive(self) -> None:
        keys = [_KEY + queue for queue in self._queues]
        while True:
            await self._arrivals.asked_for()
            popped = await self._blocking.blpop(keys, timeout=_BLOCK_SECONDS)
            self._failed.discard("receive")
            if popped is None:
                continue
            key, first = popped
            self._read(first)
            for record in await self._blocking.lpop(key, _AT_ONCE) or ():
                self._read(record)

    def _read(self, record: bytes) -> None:
        try:
            self._arrivals.put(read_record(record))
        except MalformedRecord as error:
            _log.error("a record on the bus was dropped: %s", error)
