"""One open store and its clock, with the few steps that every case begins with."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from wfcore.store.contract import (
    Code,
    Due,
    Edge,
    Event,
    ExecutionRecord,
    Fired,
    Lease,
    Move,
    NodeRecord,
    NodeResult,
    Reply,
    StateStore,
)
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.backend import Backend
from wfcore.testing.conformance.clock import ManualClock

__all__ = ["Dump", "Lab", "X", "dump", "fired", "kept"]

X = "x1"
"""The execution that a case works on."""


class Dump(NamedTuple):
    """Everything that the contract lets one see of an execution."""

    record: ExecutionRecord | None
    nodes: list[NodeRecord]
    results: dict[str, NodeResult]
    events: list[Event]
    active: list[Due]


async def dump(store: StateStore, execution: str) -> Dump:
    """Read everything that can be seen of an execution."""
    nodes = await store.nodes(execution, "", 10_000)
    return Dump(
        await store.read(execution),
        nodes,
        (await store.results(execution, [node.key for node in nodes])).nodes,
        await store.events(execution, 0, 10_000),
        sorted(await store.active(execution, 10_000)),
    )


def fired(reply: Reply) -> list[str]:
    """Return the keys of the successors that became READY."""
    assert all(isinstance(item, Fired) for item in reply.fired)
    return [item.key for item in reply.fired]


def kept(reply: Reply) -> list[tuple[str, int]]:
    """Return the successors that were leased to the caller, with their tokens."""
    assert all(isinstance(item, Lease) for item in reply.kept)
    return [(item.key, item.token) for item in reply.kept]


@dataclass
class Lab:
    """What a case needs. Times are exact where the clock is ours."""

    store: StateStore
    backend: Backend
    clock: ManualClock

    async def elapse(self, ms: int) -> None:
        await self.backend.elapse(self.clock, ms)

    def is_close(self, measured: int | None, expected: int) -> bool:
        """Whether a time is the expected one: exactly, or within a second of a server's time."""
        if measured is None:
            return False
        return abs(measured - expected) <= (0 if self.backend.moves_clock else 1_000)

    async def apply(self, move: Move) -> Reply:
        (reply,) = await self.store.apply([move])
        return reply

    async def done(self, move: Move) -> Reply:
        """Apply a Move that the case takes for granted."""
        reply = await self.apply(move)
        assert reply.code is Code.OK, f"{move.key} to {move.to}: {reply.code}"
        return reply

    async def refused(self, move: Move, code: Code) -> Reply:
        """Apply a Move that must be refused, and see that it left no trace."""
        before = await dump(self.store, move.execution)
        reply = await self.apply(move)
        assert reply.code is code
        assert (reply.fired, reply.kept, reply.lease) == ((), (), None)
        assert await dump(self.store, move.execution) == before
        return reply

    async def repeated(self, move: Move, first: Reply) -> Reply:
        """Apply a Move again: nothing changes, and the answer is that of the first time."""
        before = await dump(self.store, move.execution)
        reply = await self.apply(move)
        assert reply.code is Code.AGAIN
        assert (fired(reply), kept(reply)) == (fired(first), kept(first))
        assert (reply.lease is None) == (first.lease is None)
        assert await dump(self.store, move.execution) == before
        return reply

    async def created(self, *, timeout_ms: int | None = None) -> None:
        assert await self.store.create(moves.new(X, timeout_ms=timeout_ms))

    async def started(self, *roots: str | Edge, timeout_ms: int | None = None) -> None:
        """Create and start an execution whose roots become READY."""
        await self.created(timeout_ms=timeout_ms)
        edges = [moves.edge(root) if isinstance(root, str) else root for root in roots]
        await self.done(moves.start(X, edges))

    async def running(self, *roots: str, lease_ms: int = moves.LONG) -> None:
        """Have roots that run: the first with token 11, the next with 12, and so on."""
        await self.started(*roots)
        for token, root in enumerate(roots, 11):
            await self.done(moves.lease(X, root, token, lease_ms=lease_ms))

    async def record(self) -> ExecutionRecord:
        record = await self.store.read(X)
        assert record is not None
        return record

    async def node(self, key: str) -> NodeRecord:
        return next(node for node in await self.store.nodes(X, "", 10_000) if node.key == key)

    async def state(self, key: str) -> str:
        return (await self.store.results(X, [key])).nodes[key].state

    async def due(self) -> list[tuple[str, str]]:
        """List (key, state) of what is due; the execution itself has an empty key."""
        found, _ = await self.store.due(1_000)
        return [(item.key, str(item.state)) for item in found]

    async def event(self) -> Event:
        """Return the newest event."""
        return (await self.store.events(X, 0, 10_000))[-1]

    async def values(self, key: str) -> Any:
        _, found = await self.store.results(X, [key])
        return found[key].output
