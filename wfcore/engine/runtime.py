"""What worker, sweeper and engine share: the store, the bus, and what every reply obliges to."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeVar

from wfcore.bus.contract import Task, TaskBus
from wfcore.engine.counters import Counters
from wfcore.engine.decide import Terms
from wfcore.engine.local_feed import LocalFeed
from wfcore.engine.opened import OpenExecutions
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.patience import insist
from wfcore.engine.plans import Plans
from wfcore.engine.timings import Timings
from wfcore.engine.watch import Watchers
from wfcore.store.contract import Lease, Move, Reply, StateStore
from wfcore.store.shared import SharedStore

__all__ = ["Runtime"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
_TOKEN_BITS: Final = 52  # Lua's numbers are doubles: a token and what is added to it stay exact.


@dataclass(slots=True)
class Runtime:
    """The shared parts of one engine."""

    store: StateStore
    bus: TaskBus
    terms: Terms
    plans: Plans
    opened: OpenExecutions
    outcomes: Outcomes
    watchers: Watchers = field(default_factory=Watchers)
    counters: Counters = field(default_factory=Counters)
    timings: Timings = field(default_factory=Timings)
    dice: random.Random = field(default_factory=random.Random)
    due_sooner: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a deadline may have come nearer than the sweeper knows."""
    changes: LocalFeed | None = None
    """Who has to know of what happened, where there is somebody to tell."""
    _told: set[str] = field(default_factory=set)

    def token(self) -> int:
        """Return a fresh token, never 0."""
        return self.dice.getrandbits(_TOKEN_BITS) | 1

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves, however long the store is away: each may be applied twice."""
        return await self.insist(lambda: self.timed(moves))

    async def timed(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves once, and take note of how long that took."""
        begun = monotonic()
        replies = await self.store.apply(moves)
        self.timings.store.observe(monotonic() - begun)
        return replies

    async def insist(self, command: Callable[[], Awaitable[T]], patience: float | None = None) -> T:
        """Repeat an idempotent command until the store answers, or `patience` seconds are over."""
        return await insist(command, self.counters, patience)

    def listen(self, store: SharedStore) -> None:
        """Wake watchers here when other processes change what they watch."""
        store.listen(self._heard)
        self.watchers.hear(store)

    def _heard(self, execution: str, ended: bool) -> None:
        if ended:
            self.opened.close(execution)
        self.watchers.notify(execution, ended=ended)

    def tell_unknown(self, handlers: set[str]) -> None:
        """Say, once of each, that nodes are left to processes that have their handlers."""
        for handler in handlers - self._told:
            _log.warning("nodes of the handler %r wait: it is not installed here", handler)
        self._told |= handlers

    def forget(self, execution: str) -> None:
        """Keep nothing of an execution that is new, or was deleted: ids may come again."""
        self.opened.close(execution)
        if self.changes is not None:
            self.changes.forget(execution)

    async def settle(self, execution: str, reply: Reply) -> Sequence[Lease]:
        """Do what a reply obliges to, but for running the kept leases: these are returned."""
        # First of all: it may be deleted while the bus takes its time.
        if self.changes is not None:
            self.changes.note(execution)
        if reply.fired:
            await self.bus.publish([Task(execution, *fired) for fired in reply.fired])
        ended = reply.status.terminal
        if ended:
            self.opened.close(execution, reply.number)
        self.watchers.notify(execution, ended=ended)
        return reply.kept
