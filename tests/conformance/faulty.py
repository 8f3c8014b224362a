"""Stores and buses that misbehave as networks and brokers do, by a seed, and say what they did.

`FaultyStore` fails before a command is applied, fails after it was (the caller cannot tell),
delays, applies twice, and lets a copy of a command arrive late. `FaultyBus` loses, repeats,
reorders and delays hints. The laws say that no outcome changes under either.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import NamedTuple, TypeVar

from wfcore.bus.contract import Task, TaskBus
from wfcore.errors import StoreError
from wfcore.store.contract import (
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
    StateStore,
)

__all__ = ["BusRates", "Fault", "FaultyBus", "FaultyStore", "Injected", "Rates"]

T = TypeVar("T")


class Fault(StrEnum):
    """What was done to a call."""

    BEFORE = "before"
    """Failed, and nothing was applied."""
    AFTER = "after"
    """Applied, but the caller saw a failure."""
    REPEAT = "repeat"
    """Applied twice; the caller saw the second answer."""
    LATE = "late"
    """Applied, answered, and applied once more some time later."""
    DELAY = "delay"
    LOSE = "lose"
    REORDER = "reorder"


class Injected(NamedTuple):
    """One fault, the operation that it hit, and its number among the calls of that operation."""

    fault: Fault
    operation: str
    call: int


@dataclass(frozen=True)
class Rates:
    """How often each fault strikes a call, from 0 to 1; reads only fail before or are delayed."""

    before: float = 0.0
    after: float = 0.0
    repeat: float = 0.0
    late: float = 0.0
    delay: float = 0.0
    delay_ms: float = 5.0
    """The longest delay, also of late copies."""


@dataclass(frozen=True)
class BusRates:
    """How often each fault strikes a task, from 0 to 1; `reorder` strikes a whole call."""

    lose: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    delay_ms: float = 5.0


@dataclass
class _Dice:
    """One stream of chances per operation, so that calls of others do not shift it."""

    seed: int
    record: list[Injected] = field(default_factory=list)
    _streams: dict[str, Random] = field(default_factory=dict)
    _calls: Counter[str] = field(default_factory=Counter)

    def of(self, operation: str) -> Random:
        self._calls[operation] += 1
        return self._streams.setdefault(operation, Random(f"{self.seed} {operation}"))

    def note(self, fault: Fault, operation: str) -> None:
        self.record.append(Injected(fault, operation, self._calls[operation]))

    def counts(self) -> Counter[Fault]:
        return Counter(injected.fault for injected in self.record)


class FaultyStore:
    """A `StateStore` around another. Operations named in `spare` are left alone.

    `record` holds what was done, `calm` ends it: for the part of a test that looks at the outcome.
    """

    def __init__(
        self, inner: StateStore, seed: int, rates: Rates, *, spare: Collection[str] = ()
    ) -> None:
        self.inner = inner
        self.durability = inner.durability
        self.name = inner.name
        self._rates = rates
        self._spare = frozenset(spare)
        self._dice = _Dice(seed)
        self._late: set[asyncio.Task[object]] = set()
        self._is_calm = False

    @property
    def record(self) -> list[Injected]:
        return self._dice.record

    def counts(self) -> Counter[Fault]:
        """Count the faults so far by their kind."""
        return self._dice.counts()

    def calm(self) -> None:
        """Do no further harm."""
        self._is_calm = True

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        """Let the late copies arrive, then close."""
        await asyncio.gather(*self._late, return_exceptions=True)
        await self.inner.close()

    async def create(self, new: NewExecution) -> int:
        return await self._write("create", lambda: self.inner.create(new))

    async def apply(self, moves: Sequence[Move]) -> list[Reply]:
        return await self._write("apply", lambda: self.inner.apply(moves))

    async def halt(
        self, execution: str, halt: Halt, sweep_ms: int | None = 0, number: int = 0
    ) -> Reply:
        return await self._write("halt", lambda: self.inner.halt(execution, halt, sweep_ms, number))

    def renew(self, leases: Sequence[LeaseRef], lease_ms: int) -> list[bool]:
        faults = self._draw("renew", (Fault.DELAY, Fault.BEFORE, Fault.AFTER, Fault.REPEAT))
        if Fault.DELAY in faults:
            time.sleep(self._pause("renew"))
        self._fail_if(Fault.BEFORE, faults, "renew")
        answer = self.inner.renew(leases, lease_ms)
        if Fault.REPEAT in faults:
            answer = self.inner.renew(leases, lease_ms)
        self._fail_if(Fault.AFTER, faults, "renew")
        return answer

    async def due(self, limit: int) -> tuple[list[Due], int | None]:
        return await self._read("due", lambda: self.inner.due(limit))

    async def active(self, execution: str, limit: int) -> list[Due]:
        return await self._read("active", lambda: self.inner.active(execution, limit))

    async def results(self, execution: str, keys: Sequence[str]) -> NodeResults:
        return await self._read("results", lambda: self.inner.results(execution, keys))

    async def read(self, execution: str) -> ExecutionRecord | None:
        return await self._read("read", lambda: self.inner.read(execution))

    async def nodes(self, execution: str, after: str, limit: int) -> list[NodeRecord]:
        return await self._read("nodes", lambda: self.inner.nodes(execution, after, limit))

    async def events(self, execution: str, after: int, limit: int) -> list[Event]:
        return await self._read("events", lambda: self.inner.events(execution, after, limit))

    async def history(self, execution: str, key: str, limit: int) -> list[Event]:
        return await self._read("history", lambda: self.inner.history(execution, key, limit))

    async def document(self, plan: str) -> str | None:
        return await self._read("document", lambda: self.inner.document(plan))

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        return await self._read("search", lambda: self.inner.search(wanted, after, limit))

    async def delete(self, execution: str, limit: int, number: int = 0) -> Deletion:
        return await self._write("delete", lambda: self.inner.delete(execution, limit, number))

    async def past(self, age_ms: int, limit: int) -> list[Past]:
        return await self._read("past", lambda: self.inner.past(age_ms, limit))

    async def _write(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        faults = self._draw(operation, tuple(Fault)[:5])
        if Fault.DELAY in faults:
            await asyncio.sleep(self._pause(operation))
        self._fail_if(Fault.BEFORE, faults, operation)
        answer = await call()
        if Fault.REPEAT in faults:
            answer = await call()
        if Fault.LATE in faults:
            copy = asyncio.ensure_future(_later(self._pause(operation), call))
            self._late.add(copy)
            copy.add_done_callback(self._late.discard)
        self._fail_if(Fault.AFTER, faults, operation)
        return answer

    async def _read(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        faults = self._draw(operation, (Fault.DELAY, Fault.BEFORE))
        if Fault.DELAY in faults:
            await asyncio.sleep(self._pause(operation))
        self._fail_if(Fault.BEFORE, faults, operation)
        return await call()

    def _draw(self, operation: str, kinds: Collection[Fault]) -> set[Fault]:
        if self._is_calm or operation in self._spare:
            return set()
        chance = self._dice.of(operation)
        drawn = {kind for kind in kinds if chance.random() < getattr(self._rates, kind)}
        if Fault.BEFORE in drawn:
            drawn &= {Fault.BEFORE, Fault.DELAY}
        for fault in sorted(drawn):
            self._dice.note(fault, operation)
        return drawn

    def _pause(self, operation: str) -> float:
        return self._dice.of(f"{operation} pause").random() * self._rates.delay_ms / 1000

    def _fail_if(self, fault: Fault, faults: set[Fault], operation: str) -> None:
        if fault in faults:
            raise StoreError(f"injected: {operation} failed {fault} it was applied")


class FaultyBus:
    """A `TaskBus` around another."""

    def __init__(self, inner: TaskBus, seed: int, rates: BusRates) -> None:
        self.inner = inner
        self.name = inner.name
        self._rates = rates
        self._dice = _Dice(seed)
        self._delayed: set[asyncio.Task[None]] = set()

    @property
    def healthy(self) -> bool:
        return self.inner.healthy

    @property
    def record(self) -> list[Injected]:
        return self._dice.record

    def counts(self) -> Counter[Fault]:
        """Count the faults so far by their kind."""
        return self._dice.counts()

    async def open(self, queues: Collection[str]) -> None:
        await self.inner.open(queues)

    async def close(self) -> None:
        for task in self._delayed:
            task.cancel()
        await asyncio.gather(*self._delayed, return_exceptions=True)
        await self.inner.close()

    async def publish(self, tasks: Sequence[Task]) -> None:
        chance = self._dice.of("publish")
        sent: list[Task] = []
        for task in tasks:
            if self._strikes(Fault.LOSE, chance):
                continue
            copies = 2 if self._strikes(Fault.REPEAT, chance) else 1
            if self._strikes(Fault.DELAY, chance):
                self._send_later(task, chance.random() * self._rates.delay_ms / 1000)
                copies -= 1
            sent += [task] * copies
        if len(sent) > 1 and self._strikes(Fault.REORDER, chance):
            chance.shuffle(sent)
        # One by one, so that the inner bus cannot tell a repeat inside one call.
        for task in sent:
            await self.inner.publish([task])

    async def take(self, limit: int) -> list[Task]:
        return await self.inner.take(limit)

    def take_now(self, limit: int) -> list[Task]:
        return self.inner.take_now(limit)

    async def claimed(self, tasks: Sequence[Task]) -> None:
        await self.inner.claimed(tasks)

    async def lag(self) -> Mapping[str, int]:
        return await self.inner.lag()

    def _strikes(self, fault: Fault, chance: Random) -> bool:
        strikes: bool = chance.random() < getattr(self._rates, fault)
        if strikes:
            self._dice.note(fault, "publish")
        return strikes

    def _send_later(self, task: Task, pause: float) -> None:
        later = asyncio.ensure_future(_later(pause, lambda: self.inner.publish([task])))
        self._delayed.add(later)
        later.add_done_callback(self._delayed.discard)


async def _later(pause: float, call: Callable[[], Awaitable[T]]) -> T:
    await asyncio.sleep(pause)
    return await call()
