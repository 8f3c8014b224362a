"""The store on Redis: one Redis, a Sentinel's master, or a Redis Cluster."""

import asyncio
import threading
from binascii import crc_hqx
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

from redis.exceptions import NoScriptError, RedisError, ResponseError

from wfcore.errors import CommandRefused, StoreError
from wfcore.store.clock import Clock
from wfcore.store.contract import (
    Code,
    Deletion,
    Due,
    Event,
    ExecutionRecord,
    Filter,
    Halt,
    LeaseRef,
    Move,
    NewExecution,
    NodeRecord,
    NodeResult,
    Page,
    Reply,
)
from wfcore.store.redis import codec
from wfcore.store.redis.lane import Lane
from wfcore.store.redis.opening import check_server, layout
from wfcore.store.redis.script import SHA, TEXT, join, packed, unpacked
from wfcore.store.redis.searching import search
from wfcore.store.redis.servers import RedisServers
from wfcore.workflow.states import Status

__all__ = ["RedisStore"]

_KEYS_AT_ONCE: Final = 500
_SHELVED: Final = 10_000
_WRITERS, _READERS = 32, 32
_CLUSTER_SHARDS: Final = 64
_STRAY_HOLD_MS: Final = 60_000
_HISTORY_PAGE: Final = 1_000


class RedisStore:
    """A `StateStore` that processes share. Durability is what the AOF of the Redis gives.

    `durability`, where it is given, is the least that is accepted: `relaxed` (appendfsync
    everysec) or `durable` (always). `shards` counts only for an empty Redis: all keys that one
    transition touches are in one shard, and shards are what a Redis Cluster spreads. A `clock` is
    for tests: without one, the time is the server's.
    """

    def __init__(
        self,
        url: str,
        *,
        durability: Literal["durable", "relaxed"] | None = None,
        shards: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.servers = RedisServers.read(url)
        self.durability: str = durability or "memory"
        self._wanted = durability
        default = _CLUSTER_SHARDS if self.servers.kind == "cluster" else 1
        self._shards = shards or default
        self._clock = clock
        self._tags: tuple[str, ...] = ()
        self._writes: list[Lane] = []
        self._reads: list[Lane] = []
        self._shelved: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._client: Any = None
        self._heart: Any = None
        self._heart_lock = threading.Lock()

    async def open(self) -> None:
        """Connect; raises `StoreError` where the Redis is none to keep executions in."""
        self._client = self.servers.client(_WRITERS + _READERS)
        self._heart = self.servers.blocking_client()
        try:
            async with self._telling():
                info = await self._about()
                self.durability = check_server(info, self.servers.name, self._wanted)
                self._shards = await layout(self._client, self.servers.name, self._shards)
        except BaseException:
            await self.close()
            raise
        self._tags = tuple(f"{{wf:{number:02}}}" for number in range(self._shards))
        numbers = range(self._shards)
        self._writes = [Lane(lambda sent, n=n: self._call(n, sent)) for n in numbers]  # type: ignore[misc]
        self._reads = [Lane(lambda sent, n=n: self._call(n, sent)) for n in numbers]  # type: ignore[misc]

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""
        await asyncio.gather(*(lane.close() for lane in (*self._writes, *self._reads)))
        self._writes, self._reads = [], []
        client, self._client = self._client, None
        heart, self._heart = self._heart, None
        if client is not None:
            await client.aclose()
        if heart is not None:
            heart.close()

    async def create(self, new: NewExecution) -> bool:
        """Store a PENDING execution; its document goes along only where it is not known to be."""
        shard = self._shard(new.id)
        if "\0" in new.id:
            raise CommandRefused(ValueError("an id with a NUL in it"))
        if new.retry_of is not None:
            await self._ask(new.retry_of, "hold", new.retry_of, new.id)
        described = codec.description_of(new)
        document = None if (shard, new.plan) in self._shelved else new.document
        while True:
            body = codec.shrunk(document.encode()) if document is not None else None
            made = await self._ask(
                new.id, "create", new.id, new.plan, body, described, new.timeout_ms, new.retry_of
            )
            if made != 2:
                break
            document = new.document
        self._shelved[shard, new.plan] = None
        if len(self._shelved) > _SHELVED:
            self._shelved.popitem(last=False)
        return bool(made)

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves; those of one shard in order, in as few calls as can be."""
        asked = [self._write(move.execution).ask(*codec.command_of(move)) for move in moves]
        answers = [await asked[0]] if len(asked) == 1 else await _all(asked)
        return [codec.reply_of(*pair) for pair in zip(moves, answers, strict=True)]

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        """Renew leases that still hold, with a client for threads."""
        by_shard: dict[int, list[int]] = defaultdict(list)
        for index, lease in enumerate(leases):
            by_shard[self._shard(lease.execution)].append(index)
        holds = [False] * len(leases)
        for shard, indices in by_shard.items():
            some = [tuple(leases[index]) for index in indices]
            [answers] = self._call_now(shard, join([packed(("renew", some, lease_ms))]))
            for index, answer in zip(indices, answers, strict=True):
                holds[index] = answer
        return holds

    async def halt(self, execution: str, halt: Halt, sweep_ms: int | None = 0) -> Reply:
        """Let no further node open."""
        answer = await self._ask(execution, "halt", execution, halt, sweep_ms)
        code, status, plan, *_ = answer
        return Reply(Code(code), Status(status), plan)

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        """List what is due, of all shards."""
        answers = await _all([lane.ask("due", limit) for lane in self._open_reads()])
        listed = sorted((item for found, _ in answers for item in found), key=lambda item: item[0])
        upcoming = [soon for _, soon in answers if soon is not False]
        if len(listed) > limit:
            upcoming.append(0)
        return [codec.due_of(row) for _, row in listed[:limit]], min(upcoming, default=None)

    async def active(self, execution: str, limit: int) -> list[Due]:
        """List what keeps an execution open."""
        found = await self._read(execution).ask("active", execution, limit)
        return [codec.due_of(each) for each in found]

    async def results(self, execution: str, keys: Sequence[str]) -> dict[str, NodeResult]:
        """Read where nodes stand and what they left behind."""
        read: dict[str, NodeResult] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = list(keys[start : start + _KEYS_AT_ONCE])
            for index, state, content in await self._read(execution).ask(
                "results", execution, some
            ):
                read[some[index - 1]] = codec.result_of(state, content)
        return read

    async def read(self, execution: str) -> ExecutionRecord | None:
        """Read an execution."""
        answer = await self._read(execution).ask("read", execution)
        return codec.record_of(execution, answer) if answer else None

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        """Page through the touched nodes. Redis keeps no order of them: they are sorted here."""
        record = await self.read(execution)
        if record is None:
            return []
        tag = self._tag(execution)
        places = [f"{tag}:{part}:{execution}" for part in ("n", "a")]
        async with self._telling():
            known = [await self._client.hkeys(place) for place in places]
            keys = sorted({key for some in known for key in some if key > after.encode()})[:limit]
            rows = [await self._client.hmget(place, keys) for place in places] if keys else []
        return [
            codec.node_of(key.decode(), row, record.created)
            for key, *found in zip(keys, *rows, strict=True)
            if (row := found[0] or found[1]) is not None
        ]

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        """Page through the event log; an event's number is its place in a list."""
        begin = max(after, 0)
        return await self._events(execution, begin, begin + limit - 1) if limit > 0 else []

    async def history(self, execution: str, key: str, limit: int) -> list[Event]:
        """List the newest events of one node: there is no index, so that Moves need not keep it."""
        record = await self.read(execution)
        found: list[Event] = []
        end = record.seq if record is not None else 0
        while end > 0 and len(found) < limit:
            begin = max(0, end - _HISTORY_PAGE)
            page = await self._events(execution, begin, end - 1)
            found = [event for event in page if event.key == key] + found
            end = begin
        return found[-limit:]

    async def _events(self, execution: str, first: int, last: int) -> list[Event]:
        record = await self.read(execution)
        if record is None:
            return []
        async with self._telling():
            stored = await self._client.lrange(f"{self._tag(execution)}:e:{execution}", first, last)
        return [
            codec.event_of(seq, each, record.created) for seq, each in enumerate(stored, first + 1)
        ]

    async def document(self, plan: str) -> str | None:
        """Read a document, from whichever shard has it."""
        for tag in self._tags:
            async with self._telling():
                body = await self._client.hget(f"{tag}:d:{plan}", "body")
            if body is not None:
                return codec.text_of(body)
        return None

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Page through executions."""
        return await search(self, self._open_reads(), wanted, after, limit)

    async def delete(self, execution: str, limit: int) -> Deletion:  # noqa: ARG002 - all at once
        """Delete an execution that does not run, whole: Redis frees the memory by and by."""
        done = []
        for retry, age_ms in await self._ask(execution, "holders", execution):
            record = await self.read(retry)
            if record.status.terminal if record is not None else age_ms > _STRAY_HOLD_MS:
                done.append(retry)
        code, *retry_of = await self._ask(execution, "delete", execution, done)
        if retry_of and retry_of[0]:
            await self._ask(retry_of[0], "unhold", retry_of[0], execution)
        return Deletion(code)

    async def is_retried(self, execution: str) -> bool:
        """Whether a retry of an execution exists."""
        holders = await self._read(execution).ask("holders", execution)
        records = [await self.read(retry) for retry, _ in holders]
        return any(record is not None for record in records)

    async def past(self, age_ms: int, limit: int) -> list[str]:
        """List what ended, or was created and never began, long ago."""
        answers = await _all([lane.ask("past", age_ms, limit) for lane in self._open_reads()])
        listed = sorted((since, identifier) for found in answers for since, identifier in found)
        return [identifier for _, identifier in listed[:limit]]

    def _shard(self, execution: str) -> int:
        # CRC16, as Redis Cluster itself spreads keys.
        return crc_hqx(execution.encode("utf-8", "surrogatepass"), 0) % self._shards

    def _tag(self, execution: str) -> str:
        return self._tags[self._shard(execution)]

    def _write(self, execution: str) -> Lane:
        if self._client is None:
            raise StoreError(f"{self.servers.name} is closed")
        return self._writes[self._shard(execution)]

    def _read(self, execution: str) -> Lane:
        return self._open_reads()[self._shard(execution)]

    def _open_reads(self) -> list[Lane]:
        if self._client is None:
            raise StoreError(f"{self.servers.name} is closed")
        return self._reads

    def _ask(self, execution: str, *command: Any) -> Awaitable[Any]:
        return self._write(execution).ask(*command)

    def _arguments(self, shard: int, sent: bytes) -> tuple[Any, ...]:
        known = (1, self._tags[shard], sent, shard, self._shards)
        return known if self._clock is None else (*known, self._clock())

    async def _call(self, shard: int, sent: bytes) -> bytes:
        """Run the script in one shard."""
        rest = self._arguments(shard, sent)
        async with self._telling():
            try:
                answer = await self._client.execute_command("EVALSHA", SHA, *rest)
            except NoScriptError:
                answer = await self._client.execute_command("EVAL", TEXT, *rest)
        return bytes(answer)

    def _call_now(self, shard: int, sent: bytes) -> list[Any]:
        rest = self._arguments(shard, sent)
        with self._heart_lock:
            if self._heart is None:
                raise StoreError(f"{self.servers.name} is closed")
            try:
                try:
                    answer = self._heart.execute_command("EVALSHA", SHA, *rest)
                except NoScriptError:
                    answer = self._heart.execute_command("EVAL", TEXT, *rest)
            except (RedisError, OSError) as error:
                raise StoreError(f"{self.servers.name}: {error}") from error
        return unpacked(bytes(answer))

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Make what goes wrong with Redis a `StoreError`."""
        try:
            yield
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(f"{self.servers.name}: {error}") from error

    async def _about(self) -> dict[str, Any]:
        """Ask a Redis what it is; of a cluster, any of its nodes."""
        info: dict[str, Any] = {}
        where = {"target_nodes": "random"} if self.servers.kind == "cluster" else {}
        for section in ("server", "memory", "persistence"):
            info.update(_one(await self._client.execute_command("INFO", section, **where)))
        try:
            info.update(_one(await self._client.config_get("appendfsync", **where)))
        except ResponseError:
            # Managed services forbid CONFIG; what they do is told as the lower level.
            info.setdefault("appendfsync", "everysec")
        return info


def _one(answer: Any) -> dict[str, Any]:
    """Return the answer of one node, where a cluster's client says which node it is of."""
    if len(answer) == 1 and isinstance(only := next(iter(answer.values())), dict):
        answer = only
    return {_text(name): _text(value) for name, value in answer.items()}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


async def _all(asked: "Sequence[asyncio.Future[Any]]") -> list[Any]:
    """Wait for every answer before the first error is raised."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
