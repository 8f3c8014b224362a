"""What a store does beside its contract where many processes share it: a cluster's.

Without this an engine is alone with its store: nothing happens there that it did not do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeGuard, runtime_checkable

from wfcore.store.contract import Event, Lease, StateStore
from wfcore.workflow.states import EventLevel

__all__ = [
    "Census",
    "FeedPage",
    "Heard",
    "QueueDepth",
    "SharedStore",
    "Taken",
    "WorkerRecord",
]

Heard = Callable[[str, bool], None]
"""Called in the event loop with an execution that changed, and whether it has ended."""


class Taken(NamedTuple):
    """A READY node that `take` leased."""

    lease: Lease
    plan: str
    """The hash of its document."""
    handler: str
    waited_ms: int | None
    """How long it had been READY; None in the answer to a repeat."""


class QueueDepth(NamedTuple):
    """How many nodes are READY for one handler in one queue, and how long the oldest has been."""

    queue: str
    handler: str
    ready: int
    oldest_ms: int


class Census(NamedTuple):
    """What is in a store, at about one moment."""

    executions: Mapping[str, int]
    """How many there are, by status."""
    queues: Sequence[QueueDepth]


class WorkerRecord(NamedTuple):
    """A worker that said not long ago that it is there."""

    name: str
    handlers: tuple[str, ...]
    queues: tuple[str, ...]


class FeedPage(NamedTuple):
    """Events of one shard that wait to be told elsewhere, in order."""

    events: Sequence[tuple[str, Event]]
    """Each with its execution."""
    listed: int
    """How many to confirm: those of deleted executions are counted too."""


@runtime_checkable
class SharedStore(StateStore, Protocol):
    """A `StateStore` of many processes."""

    @property
    def shards(self) -> int:
        """Into how many parts, each with an order of its own, it is divided."""

    async def clock(self) -> int:
        """Return the store's own time, the only one that counts: milliseconds since the epoch."""

    async def take(
        self,
        wanted: Sequence[tuple[str, str]],
        token: int,
        limit: int,
        *,
        lease_ms: int,
        age_ms: int,
    ) -> list[Taken]:
        """Lease up to `limit` READY nodes, with `token` + 0, 1, ...; the oldest first.

        `wanted` are the (queue, handler) pairs under which they are filed, since `age_ms` at
        least. The same call again, with the same token, gives those that it took the first time.
        """

    async def announce(self, worker: WorkerRecord, ttl_ms: int) -> None:
        """Say that a worker is there for the next `ttl_ms`; with 0, that it has gone."""

    async def workers(self) -> list[WorkerRecord]:
        """List the workers that are there."""

    async def census(self) -> Census:
        """Count what is there."""

    async def pressure(self) -> str | None:
        """Say why nothing new should be stored now (memory runs out), or None."""

    async def feed(self, shard: int, relay: str, level: EventLevel, limit: int) -> FeedPage | None:
        """Read what a relay is to tell elsewhere of one shard; None: another relay does.

        From the first call on, events of that level are kept until `fed` confirms them.
        """

    async def fed(self, shard: int, relay: str, count: int) -> None:
        """Confirm the first `count` of them; ignored from a relay that lost its turn."""

    def listen(self, heard: Heard) -> None:
        """Tell of what other processes do to the executions that are followed.

        A hint like any other: it may be lost, come late, or be of an execution that nobody asked
        for.
        """

    def follow(self, execution: str, *, ends_only: bool) -> None:
        """Hear of an execution's end, or of all its changes, from now on."""

    def unfollow(self, execution: str, *, ends_only: bool) -> None:
        """Hear no more of it."""


_KNOWN: Final[dict[type, bool]] = {}


def is_shared(store: StateStore) -> TypeGuard[SharedStore]:
    """Whether a store is one of many processes; asked for once of each class, as it takes long."""
    kind = type(store)
    known = _KNOWN.get(kind)
    if known is None:
        known = _KNOWN[kind] = isinstance(store, SharedStore)
    return known
