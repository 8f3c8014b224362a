"""The parts of an engine put together; here and nowhere else they learn of each other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from wfcore.bus.contract import TaskBus
from wfcore.engine.arguments import template_limits
from wfcore.engine.attempt import Workshop
from wfcore.engine.context import Surroundings
from wfcore.engine.counters import Counters
from wfcore.engine.decide import Terms
from wfcore.engine.heart import Heart
from wfcore.engine.local_feed import LocalFeed
from wfcore.engine.node_view import NodeReader
from wfcore.engine.opened import OpenExecutions
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.plans import Plans
from wfcore.engine.presence import Presence
from wfcore.engine.proof import Prover
from wfcore.engine.reader import ExecutionReader
from wfcore.engine.relay import PLUGIN_TRIES, Relay, Telling
from wfcore.engine.retention import Retention
from wfcore.engine.retrying import Retrying
from wfcore.engine.runners import runners_of
from wfcore.engine.runtime import Runtime
from wfcore.engine.seeking import Seeker
from wfcore.engine.submission import Submission
from wfcore.engine.sweeper import Sweeper
from wfcore.engine.threads import Threads
from wfcore.engine.timings import Timings
from wfcore.engine.vitals import Vitals
from wfcore.engine.worker import Worker
from wfcore.errors import StoreError
from wfcore.isolation.order import Setting
from wfcore.isolation.placement import Placement
from wfcore.isolation.pool import ProcessPool
from wfcore.outbound.allow import AllowList
from wfcore.outbound.client import OutboundClient
from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.secrets.source import SecretSource
from wfcore.store.contract import LeaseRef, StateStore
from wfcore.store.shared import SharedStore
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits

__all__ = ["Assembly", "Materials", "assemble", "vitals_of"]


@dataclass(frozen=True, slots=True)
class Materials:
    """What an engine was given, checked."""

    registry: Registry
    store: StateStore
    bus: TaskBus
    concurrency: int
    """0: nothing runs here."""
    queues: tuple[str, ...]
    events_to: Telling | None
    settings: Mapping[str, str]
    secrets: SecretSource
    allow: AllowList
    limits: Limits
    terms: Terms
    drain_seconds: float
    retention_seconds: float | None
    placement: Placement
    counters: Counters = field(default_factory=Counters)
    timings: Timings = field(default_factory=Timings)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What handlers are told of the time."""
    ticks: Callable[[], float] = monotonic
    """Seconds that pass as they do in `now`, but never backwards."""
    idle_seconds: float = 1.0
    """How often to look for what is due where nothing is known to be."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The parts that an open engine uses."""

    runtime: Runtime
    threads: Threads
    pool: ProcessPool
    http: OutboundClient
    worker: Worker
    works: bool
    """Whether nodes run here."""
    sweeper: Sweeper
    heart: Heart
    seeker: Seeker | None
    presence: Presence | None
    relay: Relay | None
    submission: Submission
    retrying: Retrying
    retention: Retention
    reader: ExecutionReader

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what runs as long as the engine is open, by name."""
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "sweeper": self.sweeper.run,
            "retention": self.retention.run,
        }
        if self.works:
            found["worker"] = self.worker.run
        if self.seeker is not None:
            found["seeker"] = self.seeker.run
        if self.presence is not None:
            found["presence"] = self.presence.run
        if self.relay is not None:
            found["relay"] = self.relay.run
        return found


def vitals_of(given: Materials) -> Vitals:
    """Return what tells how an engine of these is, open or not."""
    return Vitals(given.store, given.bus, given.queues, given.counters, given.timings)


def assemble(given: Materials) -> Assembly:
    """Return the parts of an engine whose store and bus are open."""
    threads = Threads(given.counters)
    http = OutboundClient(given.allow)
    runtime = _runtime(given, threads)
    shared = given.store if isinstance(given.store, SharedStore) else None
    pool = _pool(given)
    workshop = _workshop(given, runtime, threads, http, pool)
    worker = Worker(runtime, workshop, given.concurrency, shares=shared is not None)
    if shared is not None:
        runtime.listen(shared)
    submission = Submission(runtime, worker, given.limits, threads)
    lost = _LostLeases(given.store, worker)
    seeker, presence = _of_a_cluster(given, shared, runtime, worker)
    return Assembly(
        runtime=runtime,
        threads=threads,
        pool=pool,
        http=http,
        worker=worker,
        works=given.concurrency > 0,
        sweeper=Sweeper(runtime, worker, given.idle_seconds),
        heart=Heart(given.store, given.terms.lease_ms, worker.held.leases, lost.tell),
        seeker=seeker,
        presence=presence,
        relay=_relay(given, runtime, shared),
        submission=submission,
        retrying=Retrying(runtime, submission, given.limits),
        retention=Retention(runtime, given.retention_seconds),
        reader=ExecutionReader(
            runtime, given.registry, NodeReader(runtime, worker, threads, given.registry.handlers)
        ),
    )


def _relay(given: Materials, runtime: Runtime, shared: SharedStore | None) -> Relay | None:
    """Return what tells events, where anybody wants to hear of them."""
    tellings = [given.events_to] if given.events_to is not None else []
    tellings += [Telling(s, s.level, PLUGIN_TRIES) for s in given.registry.event_sinks]
    if not tellings:
        return None
    if shared is not None:
        return Relay(shared, tellings, given.counters)
    feed = runtime.changes = LocalFeed(given.store)
    return Relay(feed, tellings, given.counters, lasts=False)


def _of_a_cluster(
    given: Materials, shared: SharedStore | None, runtime: Runtime, worker: Worker
) -> tuple[Seeker | None, Presence | None]:
    """Return what a worker does that has others beside it."""
    if shared is None or not given.concurrency:
        return None, None
    handlers = given.registry.handlers
    # Who did not know a handler filed its nodes under the default queue.
    queues = dict.fromkeys((*given.queues, Handler.queue))
    wanted = [(queue, handler) for queue in queues for handler in handlers]
    presence = Presence(shared, list(handlers), given.queues)
    return Seeker(runtime, shared, worker, wanted), presence


def _runtime(given: Materials, threads: Threads) -> Runtime:
    templaters = given.registry.templaters
    templating = Templating(
        template_limits(given.limits),
        filters=templaters.filters,
        tests=templaters.tests,
        globals=templaters.globals,
        engines=templaters.engines,
    )
    prover = Prover(given.registry, templating, given.limits, given.secrets)
    plans = Plans(prover, given.store, given.limits, threads)
    outcomes = Outcomes(given.store, given.counters)
    opened = OpenExecutions(plans, outcomes)
    return Runtime(
        given.store,
        given.bus,
        given.terms,
        plans,
        opened,
        outcomes,
        counters=given.counters,
        timings=given.timings,
    )


def _pool(given: Materials) -> ProcessPool:
    level = logging.getLogger().getEffectiveLevel()
    allow, most = given.allow.entries, given.limits.max_output_bytes
    setting = Setting(given.settings, allow, most, level)
    return ProcessPool(given.placement.processes, setting, given.placement.settings)


def _workshop(
    given: Materials, runtime: Runtime, threads: Threads, http: OutboundClient, pool: ProcessPool
) -> Workshop:
    return Workshop(
        given.registry,
        threads,
        http,
        given.secrets,
        Surroundings(
            runtime.outcomes,
            given.settings,
            runtime.watchers,
            given.registry.llm_providers,
            given.now,
            given.ticks,
        ),
        given.limits.max_output_bytes,
        runners_of(given.registry.handlers, given.placement, threads, pool),
    )


class _LostLeases:
    """Interrupts what runs here of an execution that was halted elsewhere."""

    def __init__(self, store: StateStore, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, lease: LeaseRef) -> None:
        task = asyncio.get_running_loop().create_task(self._interrupt_if_halted(lease))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _interrupt_if_halted(self, lease: LeaseRef) -> None:
        """A lost lease may still bring a welcome result; only a halted execution wants none."""
        try:
            record = await self._store.read(lease.execution)
        except StoreError:
            # The next beat finds the lease lost again.
            return
        if record is not None and record.halt and not record.status.terminal:
            self._worker.interrupt_execution(lease.execution, record.number, record.halt)
