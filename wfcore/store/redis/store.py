"""The store on Redis: one Redis, a Sentinel's master, or a Redis Cluster."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

from wfcore.errors import CommandRefused
from wfcore.redis_servers import RedisServers
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
    NodeResults,
    Page,
    Past,
    Reply,
)
from wfcore.store.pages import in_pages
from wfcore.store.redis import codec, presence
from wfcore.store.redis.hearing import Hearing
from wfcore.store.redis.large import LargeOutputs
from wfcore.store.redis.script import join, packed
from wfcore.store.redis.searching import search
from wfcore.store.redis.shards import Shards, all_of
from wfcore.store.shared import Census, FeedPage, Heard, QueueDepth, Taken, WorkerRecord
from wfcore.workflow.states import EventLevel, Status

__all__ = ["RedisStore"]

_KEYS_AT_ONCE: Final = 500
_SHELVED: Final = 10_000
_STRAY_HOLD_MS: Final = 60_000
_HISTORY_PAGE: Final = 1_000
_FULL: Final = 0.9


class RedisStore:
    """A `StateStore` that processes share. Durability is what the AOF of the Redis gives.

    `durability`, where it is given, is the least that is accepted: `relaxed` (appendfsync
    everysec) or `durable` (always). `shards` counts only for an empty Redis: all keys that one
    transition touches are in one shard, and shards are what a Redis Cluster spreads. Large outputs
    go to the object store that `blobs` names. A `clock` is for tests: without one, the time is the
    server's.
    """

    def __init__(
        self,
        url: str,
        *,
        durability: Literal["durable", "relaxed"] | None = None,
        shards: int | None = None,
        blobs: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._servers = RedisServers.read(url)
        self.name = self._servers.name
        self._shards = Shards(self._servers, shards, clock)
        self._large = LargeOutputs(blobs)
        self._wanted: Literal["durable", "relaxed"] | None = durability
        self.durability: str = durability or "memory"
        self._shelved: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._heard: Heard | None = None
        self._hearing: Hearing | None = None

    async def open(self) -> None:
        """Connect; raises `StoreError` where the Redis is none to keep executions in."""
        self.durability = await self._shards.open(self._wanted)

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""
        hearing, self._hearing, self._heard = self._hearing, None, None
        if hearing is not None:
            await hearing.close()
        await self._shards.close()

    async def create(self, new: NewExecution) -> int:
        """Store a PENDING execution; its document goes along only where it is not known to be."""
        shard = self._shards.of(new.id)
        if "\0" in new.id:
            raise CommandRefused(ValueError("an id with a NUL in it"))
        if new.retry_of is not None:
            await self._shards.writes(new.retry_of).ask("hold", new.retry_of, new.id)
        described = codec.description_of(new)
        document = None if (shard, new.plan) in self._shelved else new.document
        while True:
            body = codec.shrunk(document.encode()) if document is not None else None
            number: int = await self._shards.writes(new.id).ask(
                "create", new.id, new.plan, body, described, new.timeout_ms, new.retry_of
            )
            if number >= 0:
                break
            document = new.document
        self._shelved[shard, new.plan] = None
        if len(self._shelved) > _SHELVED:
            self._shelved.popitem(last=False)
        return number

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves; those of one shard in order, in as few calls as can be."""
        contents = await self._large.put_aside(moves, [codec.content_of(move) for move in moves])
        asked = [
            self._shards.writes(move.execution).ask(*codec.command_of(move, content))
            for move, content in zip(moves, contents, strict=True)
        ]
        answers = [await asked[0]] if len(asked) == 1 else await all_of(asked)
        return [codec.reply_of(*pair) for pair in zip(moves, answers, strict=True)]

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        """Renew leases that still hold, with a client for threads."""
        by_shard: dict[int, list[int]] = defaultdict(list)
        for index, lease in enumerate(leases):
            by_shard[self._shards.of(lease.execution)].append(index)
        holds = [False] * len(leases)
        for shard, indices in by_shard.items():
            some = [tuple(leases[index]) for index in indices]
            [answers] = self._shards.call_now(shard, join([packed(("renew", some, lease_ms))]))
            for index, answer in zip(indices, answers, strict=True):
                holds[index] = answer
        return holds

    async def halt(
        self, execution: str, halt: Halt, sweep_ms: int | None = 0, number: int = 0
    ) -> Reply:
        """Let no further node open."""
        lane = self._shards.writes(execution)
        answer = await lane.ask("halt", execution, number, halt, sweep_ms)
        code, status, plan, whose, *_ = answer
        return Reply(Code(code), Status(status), plan, number=whose)

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        """List what is due, of all shards."""
        answers = await all_of([lane.ask("due", limit) for lane in self._shards.all_reads])
        listed = sorted((item for found, _ in answers for item in found), key=lambda item: item[0])
        upcoming = [soon for _, soon in answers if soon is not False]
        if len(listed) > limit:
            upcoming.append(0)
        return [codec.due_of(row) for _, row in listed[:limit]], min(upcoming, default=None)

    async def active(self, execution: str, limit: int) -> list[Due]:
        """List what keeps an execution open."""
        found = await self._shards.reads(execution).ask("active", execution, limit)
        return [codec.due_of(each) for each in found]

    async def results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        """Read where nodes stand and what they left behind."""
        return await in_pages(keys, _KEYS_AT_ONCE, partial(self._results, execution))

    async def _results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        number, found = await self._shards.reads(execution).ask("results", execution, list(keys))
        nodes = {
            keys[int(index) - 1]: codec.result_of(state, await self._large.fetched(content))
            for index, state, content in found
        }
        return NodeResults(number, nodes)

    async def read(self, execution: str) -> ExecutionRecord | None:
        """Read an execution."""
        answer = await self._shards.reads(execution).ask("read", execution)
        return codec.record_of(execution, answer) if answer else None

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        """Page through the touched nodes. Redis keeps no order of them: they are sorted here."""
        record = await self.read(execution)
        if record is None:
            return []
        tag = self._shards.tag(execution)
        places = [f"{tag}:{part}:{execution}" for part in ("n", "a")]
        client, ask = self._shards.client, self._shards.ask
        known = [await ask(client.hkeys(place)) for place in places]
        keys = sorted({key for some in known for key in some if key > after.encode()})[:limit]
        if not keys:
            return []
        rows = [await ask(client.hmget(place, keys)) for place in places]
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
        """List the newest events of one node; there is no index, as Moves need not keep it."""
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
        place = f"{self._shards.tag(execution)}:e:{execution}"
        stored = await self._shards.ask(self._shards.client.lrange(place, first, last))
        return [
            codec.event_of(seq, each, record.created) for seq, each in enumerate(stored, first + 1)
        ]

    async def document(self, plan: str) -> str | None:
        """Read a document, from whichever shard has it."""
        for tag in self._shards.tags:
            body = await self._shards.ask(self._shards.client.hget(f"{tag}:d:{plan}", "body"))
            if body is not None:
                return codec.text_of(body)
        return None

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Page through executions."""
        return await search(self, self._shards.all_reads, wanted, after, limit)

    async def delete(
        self,
        execution: str,
        limit: int,  # noqa: ARG002 - whole
        number: int = 0,
    ) -> Deletion:
        """Delete an execution that does not run, whole: Redis frees the memory by and by."""
        if not number and (meant := await self.read(execution)) is not None:
            number = meant.number
        done = []
        for retry, age_ms in await self._shards.writes(execution).ask("holders", execution):
            record = await self.read(retry)
            if record.status.terminal if record is not None else age_ms > _STRAY_HOLD_MS:
                done.append(retry)
        code, *retry_of = await self._shards.writes(execution).ask(
            "delete", execution, number, done
        )
        if retry_of and retry_of[0]:
            await self._shards.writes(retry_of[0]).ask("unhold", retry_of[0], execution)
        if code == Deletion.DONE:
            await self._large.delete(execution, number)
        return Deletion(code)

    async def is_retried(self, execution: str) -> bool:
        """Whether a retry of an execution exists."""
        holders = await self._shards.reads(execution).ask("holders", execution)
        records = [await self.read(retry) for retry, _ in holders]
        return any(record is not None for record in records)

    async def past(self, age_ms: int, limit: int) -> list[Past]:
        """List what ended, or was created and never began, long ago."""
        answers = await all_of([lane.ask("past", age_ms, limit) for lane in self._shards.all_reads])
        listed = sorted(tuple(each) for found in answers for each in found)
        return [Past(identifier, number) for _, identifier, number in listed[:limit]]

    async def clock(self) -> int:
        """Return the time of the first shard's server."""
        return int(await self._shards.all_reads[0].ask("clock"))

    async def take(
        self,
        wanted: Sequence[tuple[str, str]],
        token: int,
        limit: int,
        *,
        lease_ms: int,
        age_ms: int,
    ) -> list[Taken]:
        """Lease READY nodes, of one shard after another until there are enough."""
        names = [f"{queue}\0{handler}" for queue, handler in wanted]
        found: list[Taken] = []
        lanes = list(self._shards.all_writes)
        # Workers begin at different shards, so that none is always the last.
        first = token % len(lanes)
        for lane in (*lanes[first:], *lanes[:first]):
            left = limit - len(found)
            if left <= 0:
                break
            for execution, plan, number, held, waited, handler in await lane.ask(
                "take", names, token + len(found), left, lease_ms, age_ms
            ):
                lease = codec.lease_of(execution, number, held)
                waited_ms = None if waited is False else waited
                found.append(Taken(lease, plan, handler, waited_ms))
        return found

    async def announce(self, worker: WorkerRecord, ttl_ms: int) -> None:
        """Say that a worker is there."""
        await self._shards.ask(presence.announce(self._shards.client, worker, ttl_ms))

    async def workers(self) -> list[WorkerRecord]:
        """List the workers that are there."""
        return await self._shards.ask(presence.workers(self._shards.client))

    async def census(self) -> Census:
        """Count what is in all shards."""
        answers = await all_of([lane.ask("stats") for lane in self._shards.all_reads])
        executions: Counter[str] = Counter()
        queues: dict[tuple[str, str], QueueDepth] = {}
        for counts, depths in answers:
            executions.update(dict(counts))
            for queue, handler, ready, oldest in depths:
                known = queues.get((queue, handler), QueueDepth(queue, handler, 0, 0))
                queues[queue, handler] = QueueDepth(
                    queue, handler, known.ready + ready, max(known.oldest_ms, oldest)
                )
        return Census(executions, list(queues.values()))

    async def pressure(self) -> str | None:
        """Say that memory runs out, before Redis refuses to write."""
        info = await self._shards.ask(self._shards.info("memory"))
        used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
        if most and used > _FULL * most:
            return f"the store's memory is {used / most:.0%} full"
        return None

    @property
    def shards(self) -> int:
        """Into how many shards it is divided."""
        return len(self._shards.tags)

    async def feed(self, shard: int, relay: str, level: EventLevel, limit: int) -> FeedPage | None:
        """Read what a relay is to tell elsewhere."""
        answer = await self._shards.all_writes[shard].ask("feed", relay, level, limit)
        if not answer:
            return None
        found, listed = answer
        events = [(execution, codec.fed_event(*event)) for execution, *event in found]
        return FeedPage(events, listed)

    async def fed(self, shard: int, relay: str, count: int) -> None:
        """Confirm what was told."""
        await self._shards.all_writes[shard].ask("fed", relay, count)

    def listen(self, heard: Heard) -> None:
        """Tell of what is followed; the connection is made at the first of it."""
        self._heard = heard

    def follow(self, execution: str, *, ends_only: bool) -> None:
        """Hear of an execution's end, as of all ends, or of all its changes."""
        hearing = self._ear()
        if hearing is not None and not ends_only:
            hearing.follow(execution)

    def unfollow(self, execution: str, *, ends_only: bool) -> None:
        """Hear no more of it."""
        hearing = self._ear()
        if hearing is not None and not ends_only:
            hearing.unfollow(execution)

    def _ear(self) -> Hearing | None:
        if self._hearing is None and self._heard is not None and self._shards.tags:
            self._hearing = Hearing(
                lambda: self._servers.messages_client(self._shards.client),
                self._shards.tags,
                lambda execution: f"{self._shards.tag(execution)}:c:{execution}",
                self._heard,
            )
        return self._hearing
