"""What worker, sweeper and engine share: the store, the bus, and what every reply obliges to."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from wfcore.bus.contract import Task, TaskBus
from wfcore.engine.counters import Counters
from wfcore.engine.decide import Terms
from wfcore.engine.opened import OpenExecutions
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.patience import insist
from wfcore.engine.plans import Plans
from wfcore.engine.watch import Watchers
from wfcore.store.contract import Lease, Move, Reply, StateStore

__all__ = ["Runtime"]

T = TypeVar("T")
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
    dice: random.Random = field(default_factory=random.Random)
    due_sooner: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a deadline may have come nearer than the sweeper knows."""

    def token(self) -> int:
        """Return a fresh token, never 0."""
        return self.dice.getrandbits(_TOKEN_BITS) | 1

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        """Apply Moves, however long the store is away: each may be applied twice."""
        return await self.insist(lambda: self.store.apply(moves))

    async def insist(self, command: Callable[[], Awaitable[T]], patience: float | None = None) -> T:
        """Repeat an idempotent command until the store answers, or `patience` seconds are over."""
        return await insist(command, self.counters, patience)

    def forget(self, execution: str) -> None:
        """Keep nothing of an execution that is new, or was deleted: ids may come again."""
        self.opened.close(execution)
        self.outcomes.forget(execution)

    async def settle(self, execution: str, reply: Reply) -> Sequence[Lease]:
        """Do what a reply obliges to, but for running the kept leases: these are returned."""
        if reply.fired:
            await self.bus.publish([Task(execution, *fired) for fired in reply.fired])
        ended = reply.status.terminal
        if ended:
            self.opened.close(execution)
        self.watchers.notify(execution, ended=ended)
        return reply.kept
