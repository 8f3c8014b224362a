"""The engine: what embedders, the server and the `wf` command hold in their hands."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, overload

from wfcore.bus.contract import TaskBus
from wfcore.bus.local import LocalBus
from wfcore.bus.opening import bus_from_url
from wfcore.engine.arguments import check_arguments, plugin_settings, secret_source
from wfcore.engine.assembly import Assembly, Materials, vitals_of
from wfcore.engine.closing import close_parts, open_parts
from wfcore.engine.collector import relax_collector
from wfcore.engine.counters import Counters
from wfcore.engine.decide import Terms
from wfcore.engine.following import follow
from wfcore.engine.patience import PATIENCE
from wfcore.engine.plans import Document
from wfcore.engine.relay import Telling
from wfcore.engine.retry import RetryDefaults
from wfcore.engine.upkeep import keep_running
from wfcore.engine.views import Result
from wfcore.engine.watch import Message, Watch
from wfcore.errors import DocumentRefused, EngineNotOpen, ExecutionNotFound, StoreError
from wfcore.isolation.levels import Isolation
from wfcore.isolation.placement import Placement, place
from wfcore.outbound.allow import AllowList
from wfcore.outbound.http import UNSET
from wfcore.plugins.discovery import Discovery
from wfcore.plugins.handler import HandlerLike
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import Registry
from wfcore.problems import Problem
from wfcore.secrets.chain import chained
from wfcore.secrets.source import SecretSource
from wfcore.store.contract import Code, Event, ExecutionRecord, Filter, Halt, Page, StateStore
from wfcore.store.opening import Durability, store_from_url
from wfcore.store.shared import is_shared
from wfcore.workflow.limits import Limits
from wfcore.workflow.states import Status

__all__ = ["Engine"]


class Engine:
    """Runs workflows in this process, on one store. Use it as `async with Engine(...) as engine`.

    `store` is a URL (`memory://`, `sqlite:///wf.db`, `redis://host`) or a `StateStore`, `bus` a URL
    (`kafka://host:9092`, `redis://host`) or a `TaskBus`; left out, tasks stay in this process, and
    other processes of the same store find them there. With `worker=False` nothing runs here: what
    is submitted is run by the workers of the store. `queues` are those that are worked on; left
    out, those of all handlers. Events of a shared store are told as
    `events_to` says. `handlers` and `plugins` are registered beside what is installed
    (`discover=False`: instead of it; a `Discovery` chooses); a `registry` that was loaded already
    takes the place of all these. `durability` is what an acknowledgement survives on SQLite:
    `durable` a power cut (the default there), `relaxed` the process's death; on Redis, the least
    that its settings have to give.
    `settings` are the operator's, for plugins; `secrets` are what templates name as `secrets.NAME`,
    by name or from a source that is asked at each attempt. `outbound_allow` lists hosts,
    `host:port` and networks that HTTP requests may reach beside the internet. `lease_seconds` is
    how long a lease lasts unless it is renewed, `ready_seconds` after what time a READY node that
    nobody took is dispatched again, `drain_seconds` how long `close` lets running attempts go on.
    `retention_seconds` after their end executions are deleted, and so are those that were not
    triggered by then; None keeps everything.
    `isolation` says where handlers run, by their names or patterns: `{"shout": "process"}`.
    `relax_gc` lets the process's garbage collector run less often, unless its pace was chosen.
    """

    _assembled: Assembly | None = None
    _closed = False

    def __init__(  # noqa: PLR0913 - the options of one composition root, all but one by keyword
        self,
        store: str | StateStore = "memory://",
        *,
        bus: str | TaskBus | None = None,
        worker: bool = True,
        queues: Iterable[str] | None = None,
        events_to: Telling | None = None,
        handlers: Iterable[HandlerLike] = (),
        plugins: Iterable[object] = (),
        discover: bool | Discovery = True,
        registry: Registry | None = None,
        durability: Durability | None = None,
        concurrency: int = 100,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | SecretSource | None = None,
        outbound_allow: Iterable[str] = (),
        limits: Limits | None = None,
        retry: RetryDefaults | None = None,
        lease_seconds: float = 10.0,
        ready_seconds: float = 300.0,
        drain_seconds: float = 5.0,
        retention_seconds: float | None = None,
        relax_gc: bool = True,
        isolation: Isolation | Mapping[str, str] | None = None,
    ) -> None:
        check_arguments(
            concurrency, durability, lease_seconds, ready_seconds, drain_seconds, retention_seconds
        )
        self.registry = registry or load_plugins(
            handlers=handlers, plugins=plugins, discover=discover, settings=settings
        )
        self._materials = Materials(
            registry=self.registry,
            store=_store(store, durability, self.registry),
            bus=_bus(bus, self.registry),
            concurrency=concurrency if worker else 0,
            queues=_queues(queues, self.registry),
            events_to=events_to,
            settings=plugin_settings(settings, self.registry.secret_settings),
            secrets=chained(secret_source(secrets), self.registry.secret_sources),
            allow=AllowList.read(outbound_allow),
            limits=limits or Limits(),
            terms=_terms(lease_seconds, ready_seconds, retry or RetryDefaults()),
            drain_seconds=drain_seconds,
            retention_seconds=retention_seconds,
            placement=place(self.registry, isolation) if worker else Placement(),
        )
        self.vitals = vitals_of(self._materials)
        self._relax_gc, self._tasks = relax_gc, list[asyncio.Task[None]]()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def _store(self) -> StateStore:
        return self._materials.store

    @property
    def counters(self) -> Counters:
        """What this engine did since it started."""
        return self._materials.counters

    @property
    def _parts(self) -> Assembly:
        if self._assembled is None or self._closed:
            how = "is closed" if self._closed else "has not been started"
            raise EngineNotOpen(f"the engine {how}: use it inside `async with Engine(...)`")
        return self._assembled

    @property
    def limits(self) -> Limits:
        """The bounds on what users send."""
        return self._materials.limits

    @property
    def durability(self) -> str:
        """What an acknowledged command survives: `memory`, `relaxed` or `durable`."""
        return self._store.durability

    async def start(self) -> None:
        """Open the store and go on with whatever is open in it.

        Raises `StoreError`, among them `StoreOwned` where another process has the file.
        """
        if self._assembled is not None:
            raise EngineNotOpen("an engine is started once: make another one")
        if self._relax_gc:
            relax_collector()
        parts = self._assembled = await open_parts(self._materials)
        self._tasks = [
            asyncio.create_task(keep_running(name, loop)) for name, loop in parts.loops().items()
        ]

    async def close(self) -> None:
        """Take nothing more, let running attempts end, give back the rest, close the store."""
        parts = self._assembled
        if parts is None or self._closed:
            return
        self._closed = True
        parts.runtime.watchers.notify_all()
        await close_parts(parts, self._materials, self._tasks)

    async def check(self, document: Document, input: Any = UNSET) -> list[Problem]:
        """Return all that is wrong with a document, and with an input; nothing is stored."""
        try:
            await self._parts.submission.check(document, input)
        except DocumentRefused as refused:
            return list(refused.problems)
        return []

    async def submit(
        self, document: Document, input: Any = UNSET, *, execution_id: str | None = None
    ) -> str:
        """Store an execution of a workflow, PENDING, and return its id.

        An `execution_id` of the caller's own makes a repeated submission harmless. Raises
        `DocumentRefused` with all problems of the document and of the input.
        """
        return await self._parts.submission.submit(document, input, execution_id)

    async def start_execution(
        self, document: Document, input: Any = UNSET, *, execution_id: str | None = None
    ) -> tuple[str, Status]:
        """Submit and trigger in one; return the id and the status.

        With an `execution_id` of the caller's own it is safe to repeat. Raises `DocumentRefused`,
        and `Conflict` where the id stands for another workflow, input or trigger.
        """
        return await self._parts.submission.start(document, input, execution_id)

    async def trigger(self, execution_id: str, body: Mapping[str, Any] | None = None) -> Status:
        """Start an execution and return its status.

        `body` replaces config keys: `{node id: {config key: value}}`; beside the node ids it may
        carry `{"execution": {"input": ...}}`. The same body again changes nothing. Raises
        `DocumentRefused`, `ExecutionNotFound`, and `Conflict` for another body.
        """
        return await self._parts.submission.trigger(execution_id, body)

    async def run(self, document: Document, input: Any = UNSET) -> Result:
        """Submit, trigger and wait; raises `ExecutionFailed` unless it ends COMPLETED."""
        execution_id, _ = await self.start_execution(document, input)
        return (await self.wait(execution_id)).raise_for_failure()

    async def wait(self, execution_id: str, timeout: float | None = None) -> Result:
        """Wait for the end of an execution, or for `timeout` seconds, and return its result."""
        watchers = self._parts.runtime.watchers
        with watchers.watch(execution_id, ends_only=True) as watch, suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                return await self._wait(execution_id, watch)
        return await self.result(execution_id)

    async def result(self, execution_id: str) -> Result:
        """Return how an execution ended, or where it stands."""
        return await self._parts.reader.result(await self.record(execution_id))

    async def results(self, execution_id: str) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}/results`."""
        return (await self.result(execution_id)).as_dict()

    async def execution(self, execution_id: str, *, outputs: bool = True) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}`: the status, and every node."""
        return await self._parts.reader.view(execution_id, outputs=outputs)

    async def node(self, execution_id: str, key: str) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}/nodes/{key}`: all that is known of it.

        Raises `ExecutionNotFound` and `NodeNotFound`.
        """
        return await self._parts.reader.node(execution_id, key)

    async def record(self, execution_id: str) -> ExecutionRecord:
        """Return an execution without its nodes; raises `ExecutionNotFound`."""
        return await self._parts.reader.record(execution_id)

    async def executions(
        self, wanted: Filter | None = None, after: str = "", limit: int = 50
    ) -> Page:
        """Return executions, the newest first; `after` is the `next` of the page before.

        Raises `DocumentRefused` for an `after` that no page gave.
        """
        return await self._parts.reader.search(wanted or Filter(), after, limit)

    async def document(self, execution_id: str) -> str:
        """Return the workflow document of an execution, as JSON text."""
        document = await self._parts.reader.document(await self.record(execution_id))
        if not document:
            # It was deleted since its record was read.
            raise ExecutionNotFound(execution_id)
        return document

    async def retry(
        self, execution_id: str, overrides: Mapping[str, Any] | None = None
    ) -> tuple[str, Status]:
        """Take up an execution that has ended: start a new one, linked to it by `retry_of`.

        COMPLETED nodes keep their outputs and do not run; all others run. `overrides` replace
        config keys as at a trigger; nodes that they name, and those after them, run anew. While a
        retry with the same overrides runs or has COMPLETED, it is that one that is returned.
        Raises `Conflict` for one that has not ended, or where there is nothing to do.
        """
        return await self._parts.retrying.retry(execution_id, overrides)

    async def delete(self, execution_id: str) -> None:
        """Delete an execution that has ended, with all that it left.

        Raises `ExecutionNotFound`, and `Conflict` for one that has not ended, or whose outputs an
        open retry reuses.
        """
        await self._parts.retention.delete(execution_id)

    async def cancel(self, execution_id: str) -> Status:
        """Cancel an execution: no further node starts, those that run are interrupted.

        Returns its status: CANCELLED as soon as nothing of it runs any more; one that had ended
        stays as it ended.
        """
        runtime = self._parts.runtime
        number = (await self.record(execution_id)).number
        reply = await runtime.insist(
            lambda: self._store.halt(execution_id, Halt.CANCEL, number=number), PATIENCE
        )
        if reply.code is Code.GONE:
            raise ExecutionNotFound(execution_id)
        await runtime.settle(execution_id, reply)
        if reply.status.terminal:
            return reply.status
        # Where the store fails in the middle of it, the sweeper goes on with it.
        with suppress(StoreError):
            await self._parts.sweeper.close_execution(execution_id, number, Halt.CANCEL)
        record = await self.record(execution_id)
        if record.number != number:
            raise ExecutionNotFound(execution_id)
        return record.status

    @overload
    def events(
        self, execution_id: str, after: int = 0, *, number: int = 0
    ) -> AsyncIterator[Event]: ...
    @overload
    def events(
        self, execution_id: str, after: int = 0, *, transient: bool, number: int = 0
    ) -> AsyncIterator[Event | Message]: ...
    async def events(
        self, execution_id: str, after: int = 0, *, transient: bool = False, number: int = 0
    ) -> AsyncIterator[Event | Message]:
        """Yield the events of an execution from `seq` > `after` to its end, as they come.

        With `transient`, also what its handlers `emit` meanwhile in this process: a `Message` of
        an attempt comes before the event that ends it. Who reads too slowly loses the oldest.
        Nothing more comes of an execution that is deleted, also where its id comes again: whoever
        goes on with a record that was read before gives its `number`.
        """
        number = number or (await self.record(execution_id)).number
        runtime = self._parts.runtime
        async for told in follow(runtime, execution_id, number, after, transient=transient):
            yield told

    def progress(self, execution_id: str) -> dict[str, tuple[float | None, str]]:
        """Return what handlers that run here said about how far they are, by node."""
        return self._parts.worker.held.progress(execution_id)

    async def _wait(self, execution_id: str, watch: Watch) -> Result:
        # What was started here, or runs here, need not be looked up: its end will be heard.
        opened = self._parts.runtime.opened
        known = opened.known(execution_id)
        number = 0
        if known is not None:
            # In a cluster it may have ended and been deleted elsewhere, unheard: only a guess.
            number = 0 if is_shared(self._store) else known.number
            await watch.changed()
        reader = self._parts.reader
        while True:
            record = await reader.ended(execution_id, known)
            if number not in (0, record.number):
                raise ExecutionNotFound(execution_id)
            if record.status.terminal:
                break
            number = record.number
            await watch.changed()
        # Whichever is known: where its end was not heard, nobody need wait for that again.
        opened.close(execution_id)
        return await reader.result(record)


def _store(
    given: str | StateStore, durability: Durability | None, registry: Registry
) -> StateStore:
    if not isinstance(given, str):
        return given
    return store_from_url(given, durability=durability, others=registry.stores)


def _bus(given: str | TaskBus | None, registry: Registry) -> TaskBus:
    if given is None:
        return LocalBus()
    return bus_from_url(given, others=registry.buses) if isinstance(given, str) else given


def _queues(given: Iterable[str] | None, registry: Registry) -> tuple[str, ...]:
    if given is not None:
        return tuple(dict.fromkeys(given))
    return tuple(sorted({handler.queue for handler in registry.handlers.values()}))


def _terms(lease_seconds: float, ready_seconds: float, retry: RetryDefaults) -> Terms:
    lease_ms, ready_ms = round(lease_seconds * 1000), round(ready_seconds * 1000)
    return Terms(lease_ms=lease_ms, ready_ms=ready_ms, retry=retry)
