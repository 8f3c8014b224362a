"""The engine: what embedders, the server and the `wf` command hold in their hands."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Final, Self, TypeVar, overload

from wfcore.bus.contract import TaskBus
from wfcore.bus.local import LocalBus
from wfcore.engine.arguments import (
    check_arguments,
    plugin_settings,
    secret_source,
    template_limits,
)
from wfcore.engine.attempt import Workshop
from wfcore.engine.collector import relax_collector
from wfcore.engine.counters import Counters
from wfcore.engine.decide import Terms
from wfcore.engine.following import follow
from wfcore.engine.heart import Heart
from wfcore.engine.opened import OpenExecutions
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.outline import Outline
from wfcore.engine.patience import PATIENCE
from wfcore.engine.plans import Document, Plans
from wfcore.engine.proof import Prover
from wfcore.engine.retry import RetryDefaults
from wfcore.engine.runtime import Runtime
from wfcore.engine.submission import Submission
from wfcore.engine.sweeper import Sweeper
from wfcore.engine.threads import Threads
from wfcore.engine.upkeep import keep_running
from wfcore.engine.views import Result, execution_view, read_result
from wfcore.engine.watch import Message, Watch
from wfcore.engine.worker import Worker
from wfcore.errors import DocumentRefused, EngineNotOpen, ExecutionNotFound, StoreError
from wfcore.outbound.allow import AllowList
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import UNSET
from wfcore.plugins.handler import HandlerLike
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import Registry
from wfcore.problems import Problem
from wfcore.secrets.source import SecretSource
from wfcore.store.contract import Event, ExecutionRecord, Halt, LeaseRef, StateStore
from wfcore.store.opening import Durability, store_from_url
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits
from wfcore.workflow.states import Status

__all__ = ["Engine"]

_log = logging.getLogger(__name__)
T = TypeVar("T")
_CLOSE_SECONDS: Final = 5.0


class Engine:
    """Runs workflows in this process, on one store. Use it as `async with Engine(...) as engine`.

    `store` is a URL (`memory://`, `sqlite:///wf.db`) or a `StateStore`. `handlers` and `plugins`
    are registered beside what is installed (`discover=False`: instead of it). `durability` is what
    an acknowledgement survives on SQLite: `durable` a power cut, `relaxed` the process's death.
    `settings` are the operator's, for plugins; `secrets` are what templates name as `secrets.NAME`,
    by name or from a source that is asked at each attempt. `outbound_allow` lists hosts,
    `host:port` and networks that HTTP requests may reach beside the internet. `lease_seconds` is
    how long a lease lasts unless it is renewed, `ready_seconds` after what time a READY node that
    nobody took is dispatched again, `drain_seconds` how long `close` lets running attempts go on.
    `relax_gc` lets the process's garbage collector run less often, unless its pace was chosen.
    """

    def __init__(  # noqa: PLR0913 - the options of one composition root, all but one by keyword
        self,
        store: str | StateStore = "memory://",
        *,
        bus: TaskBus | None = None,
        handlers: Iterable[HandlerLike] = (),
        plugins: Iterable[object] = (),
        discover: bool = True,
        durability: Durability = "durable",
        concurrency: int = 100,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | SecretSource | None = None,
        outbound_allow: Iterable[str] = (),
        limits: Limits | None = None,
        retry: RetryDefaults | None = None,
        lease_seconds: float = 10.0,
        ready_seconds: float = 300.0,
        drain_seconds: float = 5.0,
        relax_gc: bool = True,
    ) -> None:
        check_arguments(
            concurrency=concurrency,
            durability=durability,
            lease=lease_seconds,
            ready=ready_seconds,
            drain=drain_seconds,
        )
        self.registry: Registry = load_plugins(
            handlers=handlers, plugins=plugins, discover=discover
        )
        self._store = (
            store_from_url(store, durability=durability) if isinstance(store, str) else store
        )
        self._bus = bus if bus is not None else LocalBus()
        self._concurrency = concurrency
        self._settings = plugin_settings(settings)
        self._secrets = secret_source(secrets)
        self._allow = AllowList.read(outbound_allow)
        self._limits = limits or Limits()
        self._terms = Terms(
            lease_ms=round(lease_seconds * 1000),
            ready_ms=round(ready_seconds * 1000),
            retry=retry or RetryDefaults(),
        )
        self._drain_seconds = drain_seconds
        self._relax_gc = relax_gc
        self._tasks: list[asyncio.Task[None]] = []
        self._counters = Counters()
        self._assembled: Runtime | None = None
        self._closed = False

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
    def counters(self) -> Counters:
        """What this engine did since it started."""
        return self._counters

    @property
    def _runtime(self) -> Runtime:
        return self._check_open()

    @property
    def _submission(self) -> Submission:
        self._check_open()
        return self._submitting

    def _check_open(self) -> Runtime:
        if self._assembled is None or self._closed:
            how = "is closed" if self._closed else "has not been started"
            raise EngineNotOpen(f"the engine {how}: use it inside `async with Engine(...)`")
        return self._assembled

    @property
    def limits(self) -> Limits:
        """The bounds on what users send."""
        return self._limits

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
        await self._store.open()
        try:
            await self._bus.open(sorted({h.queue for h in self.registry.handlers.values()}))
            self._assembled = self._assemble()
        except BaseException:
            await self._store.close()
            raise
        self._heart.start()
        self._tasks = [
            asyncio.create_task(keep_running("worker", self._worker.run)),
            asyncio.create_task(keep_running("sweeper", self._sweeper.run)),
        ]

    async def close(self) -> None:
        """Take nothing more, let running attempts end, give back the rest, close the store."""
        if self._assembled is None or self._closed:
            return
        self._closed = True
        self._assembled.watchers.notify_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._worker.close(self._drain_seconds)
        await self._heart.stop()
        await self._close_handlers()
        await self._bus.close()
        await self._http.close()
        self._threads.close()
        await self._store.close()

    async def check(self, document: Document) -> list[Problem]:
        """Return all that is wrong with a document; nothing is stored."""
        try:
            await self._runtime.plans.prove(document)
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
        return await self._submission.submit(document, input, execution_id)

    async def trigger(self, execution_id: str, body: Mapping[str, Any] | None = None) -> Status:
        """Start an execution and return its status.

        `body` replaces config keys: `{node id: {config key: value}}`; beside the node ids it may
        carry `{"execution": {"input": ...}}`. The same body again changes nothing. Raises
        `DocumentRefused`, `ExecutionNotFound`, and `Conflict` for another body.
        """
        return await self._submission.trigger(execution_id, body)

    async def run(self, document: Document, input: Any = UNSET) -> Result:
        """Submit, trigger and wait; raises `ExecutionFailed` unless it ends COMPLETED."""
        execution_id = await self._submission.run(document, input)
        return (await self.wait(execution_id)).raise_for_failure()

    async def wait(self, execution_id: str, timeout: float | None = None) -> Result:
        """Wait for the end of an execution, or for `timeout` seconds, and return its result."""
        watchers = self._runtime.watchers
        with watchers.watch(execution_id, ends_only=True) as watch, suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                return await self._wait(execution_id, watch)
        return await self.result(execution_id)

    async def result(self, execution_id: str) -> Result:
        """Return how an execution ended, or where it stands."""
        return await self._result(await self.record(execution_id))

    async def results(self, execution_id: str) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}/results`."""
        return (await self.result(execution_id)).as_dict()

    async def execution(self, execution_id: str) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}`: the status, and every node."""
        record = await self.record(execution_id)
        outline = await self._outline(record)
        return await self._ask(lambda: execution_view(self._store, record, outline))

    async def record(self, execution_id: str) -> ExecutionRecord:
        """Return an execution without its nodes; raises `ExecutionNotFound`."""
        record = await self._ask(lambda: self._store.read(execution_id))
        if record is None:
            raise ExecutionNotFound(execution_id)
        return record

    async def document(self, execution_id: str) -> str:
        """Return the workflow document of an execution, as JSON text."""
        record = await self.record(execution_id)
        return await self._ask(lambda: self._store.document(record.plan)) or ""

    async def cancel(self, execution_id: str) -> Status:
        """Cancel an execution: no further node starts, those that run are interrupted.

        Returns its status: CANCELLED as soon as nothing of it runs any more; one that had ended
        stays as it ended.
        """
        runtime = self._runtime
        reply = await runtime.insist(lambda: self._store.halt(execution_id, Halt.CANCEL), PATIENCE)
        await runtime.settle(execution_id, reply)
        record = await self.record(execution_id)
        if not record.status.terminal:
            # Where the store fails in the middle of it, the sweeper goes on with it.
            with suppress(StoreError):
                await self._sweeper.close_execution(execution_id, Halt.CANCEL)
            record = await self.record(execution_id)
        return record.status

    @overload
    def events(self, execution_id: str, after: int = 0) -> AsyncIterator[Event]: ...
    @overload
    def events(
        self, execution_id: str, after: int = 0, *, transient: bool
    ) -> AsyncIterator[Event | Message]: ...
    async def events(
        self, execution_id: str, after: int = 0, *, transient: bool = False
    ) -> AsyncIterator[Event | Message]:
        """Yield the events of an execution from `seq` > `after` to its end, as they come.

        With `transient`, also what its handlers `emit` meanwhile in this process: a `Message` of
        an attempt comes before the event that ends it. Who reads too slowly loses the oldest.
        """
        await self.record(execution_id)
        async for told in follow(self._runtime, execution_id, after, transient=transient):
            yield told

    def progress(self, execution_id: str) -> dict[str, tuple[float | None, str]]:
        """Return what handlers that run here said about how far they are, by node."""
        self._check_open()
        return self._worker.progress(execution_id)

    async def _close_handlers(self) -> None:
        for name, each in self.registry.handlers.items():
            try:
                await asyncio.wait_for(each.close(), _CLOSE_SECONDS)
            except Exception:  # noqa: BLE001 - a plugin's code: the others close too
                _log.exception("handler %s did not close", name)

    async def _wait(self, execution_id: str, watch: Watch) -> Result:
        # What runs here need not be looked up: its end will be heard.
        if self._runtime.opened.known(execution_id) is not None:
            await watch.changed()
        while not (record := await self.record(execution_id)).status.terminal:
            await watch.changed()
        return await self._result(record)

    async def _result(self, record: ExecutionRecord) -> Result:
        outline = await self._outline(record)
        outcomes = self._runtime.outcomes
        return await self._ask(lambda: read_result(self._store, outcomes, record, outline))

    async def _outline(self, record: ExecutionRecord) -> Outline:
        try:
            return Outline.of_plan(await self._ask(lambda: self._runtime.plans.get(record.plan)))
        except DocumentRefused:
            # A plugin of it is missing now; what it did can be read all the same.
            text = await self._ask(lambda: self._store.document(record.plan))
            return Outline.of_document(text or "", self.registry)

    async def _ask(self, command: Callable[[], Awaitable[T]]) -> T:
        return await self._runtime.insist(command, PATIENCE)

    def _assemble(self) -> Runtime:
        """Put the parts together; here and nowhere else they learn of each other."""
        templaters = self.registry.templaters
        templating = Templating(
            template_limits(self._limits),
            filters=templaters.filters,
            tests=templaters.tests,
            globals=templaters.globals,
        )
        counters = self._counters
        self._threads = Threads(counters)
        self._http = OutboundClient(self._allow)
        prover = Prover(self.registry, templating, self._limits, self._secrets)
        plans = Plans(prover, self._store, self._limits, self._threads)
        outcomes = Outcomes(self._store, counters)
        opened = OpenExecutions(plans, outcomes)
        runtime = Runtime(
            self._store, self._bus, self._terms, plans, opened, outcomes, counters=counters
        )
        workshop = Workshop(
            self.registry,
            outcomes,
            self._threads,
            self._http,
            self._secrets,
            self._settings,
            self._limits.max_output_bytes,
            runtime.watchers,
            frozenset(
                name
                for name, each in self.registry.handlers.items()
                if iscoroutinefunction(each.run)
            ),
        )
        self._worker = Worker(runtime, workshop, self._concurrency)
        self._sweeper = Sweeper(runtime, self._worker)
        self._submitting = Submission(runtime, self._worker, self._limits, self._threads)
        self._heart = Heart(
            self._store, self._terms.lease_ms, self._worker.leases, self._lease_lost
        )
        return runtime

    def _lease_lost(self, lease: LeaseRef) -> None:
        task = asyncio.get_running_loop().create_task(self._interrupt_if_halted(lease))
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def _interrupt_if_halted(self, lease: LeaseRef) -> None:
        """A lost lease may still bring a welcome result; only a halted execution wants none."""
        try:
            record = await self._store.read(lease.execution)
        except StoreError:
            # The next beat finds the lease lost again.
            return
        if record is not None and record.halt and not record.status.terminal:
            self._worker.interrupt_execution(lease.execution, record.halt)
