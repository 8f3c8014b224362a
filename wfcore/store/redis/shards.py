"""The shards of one store in Redis: the connection, and the lanes of commands to each."""

import asyncio
import threading
from binascii import crc_hqx
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Literal, TypeVar

from redis.exceptions import NoScriptError, ResponseError

from wfcore.errors import StoreError
from wfcore.redis_servers import RedisServers
from wfcore.store.clock import Clock
from wfcore.store.redis.lane import Lane
from wfcore.store.redis.opening import check_server, layout
from wfcore.store.redis.script import SHA, TEXT, unpacked

__all__ = ["Shards", "all_of"]

T = TypeVar("T")
_CONNECTIONS: Final = 64
_CLUSTER_SHARDS: Final = 64


class Shards:
    """All keys that one transition touches are in one shard; shards spread over a cluster.

    Writes and reads have a lane each, so that a long read delays no Move that waits to be sent.
    """

    def __init__(self, servers: RedisServers, count: int | None, clock: Clock | None) -> None:
        self.servers = servers
        default = _CLUSTER_SHARDS if servers.kind == "cluster" else 1
        self._count = count or default
        self._clock = clock
        self.tags: tuple[str, ...] = ()
        self._writes: list[Lane] = []
        self._reads: list[Lane] = []
        self._client: Any = None
        self._heart: Any = None
        self._heart_lock = threading.Lock()

    async def open(self, wanted: Literal["durable", "relaxed"] | None) -> str:
        """Connect and return the durability; raises `StoreError` for a Redis that will not do."""
        self._client = self.servers.client(_CONNECTIONS)
        self._heart = self.servers.blocking_client()
        try:
            level = check_server(await self.ask(self._about()), self.servers.name, wanted)
            self._count = await self.ask(layout(self._client, self.servers.name, self._count))
        except BaseException:
            await self.close()
            raise
        self.tags = tuple(f"{{wf:{number:02}}}" for number in range(self._count))
        self._writes = [self._lane(number) for number in range(self._count)]
        self._reads = [self._lane(number) for number in range(self._count)]
        return level

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""
        await asyncio.gather(*(lane.close() for lane in (*self._writes, *self._reads)))
        client, self._client = self._client, None
        with self._heart_lock:
            heart, self._heart = self._heart, None
        if client is not None:
            await client.aclose()
        if heart is not None:
            heart.close()

    @property
    def client(self) -> Any:
        """The client for what is no command of the script; raises `StoreError` when closed."""
        if self._client is None:
            raise StoreError(f"{self.servers.name} is closed")
        return self._client

    def of(self, execution: str) -> int:
        """Return the shard of an execution: by CRC16, as Redis Cluster itself spreads keys."""
        return crc_hqx(execution.encode("utf-8", "surrogatepass"), 0) % self._count

    def tag(self, execution: str) -> str:
        """Return what the keys of an execution begin with."""
        return self.tags[self.of(execution)]

    def writes(self, execution: str) -> Lane:
        """Return the lane for commands that change an execution."""
        return self.all_writes[self.of(execution)]

    def reads(self, execution: str) -> Lane:
        """Return the lane for commands that read an execution."""
        return self.all_reads[self.of(execution)]

    @property
    def all_writes(self) -> Sequence[Lane]:
        """The lanes of all shards for commands that change something."""
        assert self.client is not None
        return self._writes

    @property
    def all_reads(self) -> Sequence[Lane]:
        """The lanes of all shards for commands that read."""
        assert self.client is not None
        return self._reads

    def call_now(self, shard: int, sent: bytes) -> list[Any]:
        """Run the script in one shard from any thread, and wait for it."""
        arguments = self._arguments(shard, sent)
        with self._heart_lock:
            heart = self._heart
            if heart is None:
                raise StoreError(f"{self.servers.name} is closed")
            try:
                try:
                    answer = heart.execute_command("EVALSHA", SHA, *arguments)
                except NoScriptError:
                    answer = heart.execute_command("EVAL", TEXT, *arguments)
            except Exception as error:
                # Also what the driver has no class for, as below.
                raise StoreError(f"{self.servers.name}: {error!r}") from error
        return unpacked(bytes(answer))

    async def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Await what the client does; raises `StoreError` for what goes wrong with Redis.

        Whoever waits may be cancelled, the call never is: it would cost its connection, and the
        driver does not always end then.
        """
        task = asyncio.get_running_loop().create_task(self._told(call))
        task.add_done_callback(_retrieve)
        return await asyncio.shield(task)

    async def _told(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await call
        except StoreError:
            raise
        except Exception as error:
            # Also what the driver has no class for: it trips over connections that are lost.
            raise StoreError(f"{self.servers.name}: {error!r}") from error

    async def info(self, *sections: str) -> dict[str, Any]:
        """Ask a Redis what it is and how it is; of a cluster, any of its nodes."""
        found: dict[str, Any] = {}
        for section in sections:
            found.update(_one(await self.client.execute_command("INFO", section, **self._any_node)))
        return found

    def _lane(self, shard: int) -> Lane:
        return Lane(lambda sent: self._call(shard, sent))

    async def _call(self, shard: int, sent: bytes) -> bytes:
        return await self._told(self._run_script(self._arguments(shard, sent)))

    async def _run_script(self, arguments: tuple[Any, ...]) -> bytes:
        try:
            answer = await self.client.execute_command("EVALSHA", SHA, *arguments)
        except NoScriptError:
            answer = await self.client.execute_command("EVAL", TEXT, *arguments)
        return bytes(answer)

    def _arguments(self, shard: int, sent: bytes) -> tuple[Any, ...]:
        known = (1, self.tags[shard], sent, shard, self._count)
        return known if self._clock is None else (*known, self._clock())

    @property
    def _any_node(self) -> dict[str, str]:
        return {"target_nodes": "random"} if self.servers.kind == "cluster" else {}

    async def _about(self) -> dict[str, Any]:
        info = await self.info("server", "memory", "persistence")
        try:
            info.update(_one(await self.client.config_get("appendfsync", **self._any_node)))
        except ResponseError:
            # Managed services forbid CONFIG; what they do is told as the lower level.
            info.setdefault("appendfsync", "everysec")
        return info


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Take note of an error that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


def _one(answer: Any) -> dict[str, Any]:
    """Return the answer of one node, where a cluster's client says which node it is of."""
    if len(answer) == 1 and isinstance(only := next(iter(answer.values())), dict):
        answer = only
    return {_text(name): _text(value) for name, value in answer.items()}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


async def all_of(asked: "Sequence[asyncio.Future[Any]]") -> list[Any]:
    """Wait for every answer before the first error is raised."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
