"""A whole workflow in one call: in memory, in virtual time, with stubs where they are wanted."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Unpack

from wfcore.engine.plans import Document
from wfcore.engine.sync import without_loop
from wfcore.engine.views import Result
from wfcore.errors import ErrorRecord
from wfcore.outbound.http import UNSET
from wfcore.plugins.handler import HandlerLike
from wfcore.problems import did_you_mean
from wfcore.store.contract import Event
from wfcore.testing.cast import Call, Cast
from wfcore.testing.engine import CastEngine, EngineOptions
from wfcore.testing.stub import StubLike, stub_of
from wfcore.testing.virtual_run import in_virtual_time
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import parse
from wfcore.workflow.states import NodeState, Status

__all__ = ["WorkflowRun", "run_on", "run_workflow"]
_MANY: Final = 1_000_000
_OPEN_NODES_SHOWN: Final = 5
_A_DAY: Final = 86_400.0
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """What became of a workflow.

    `outputs` has the nodes that COMPLETED, `errors` those that FAILED or were cancelled, `states`
    all of them, and `attempts` how many attempts each had: 0 for one that never ran. `results`
    are the aggregated results. `calls` are the calls of handlers and stubs, in order. `seconds`
    is the virtual time that passed. `events` are those that the store keeps.
    """

    status: Status
    results: dict[str, Any]
    outputs: dict[str, dict[str, Any]]
    errors: dict[str, ErrorRecord]
    states: dict[str, NodeState]
    attempts: dict[str, int]
    calls: tuple[Call, ...]
    seconds: float
    events: tuple[Event, ...]
    result: Result
    """The same execution as `Engine.wait` gives it: notices, usage, the message."""

    def calls_of(self, node: str) -> list[Call]:
        """Return the calls of one node, in order."""
        return [call for call in self.calls if call.node == node]

    def raise_for_failure(self) -> "WorkflowRun":
        """Return this run, or raise `ExecutionFailed` where it is not COMPLETED."""
        self.result.raise_for_failure()
        return self


def run_workflow(
    document: Document,
    input: Any = UNSET,
    *,
    handlers: Iterable[HandlerLike] = (),
    plugins: Iterable[object] = (),
    stubs: Mapping[str, StubLike] | None = None,
    seed: int = 0,
    longest: float = _A_DAY,
    patience: float = _PATIENCE,
    **options: Unpack[EngineOptions],
) -> WorkflowRun:
    """Run a workflow to its end on the real engine, and return what became of it.

    Only the store, in memory, and time are not those of production. `handlers` and `plugins` are
    added to what is installed (`discover=False`: instead of it); a handler takes the place of an
    installed one of its name. `stubs` stand in for the handlers of nodes, by node id: an output
    object or a `Stub`. Where its handler is known, a stubbed node's config is still held to that
    `Config`, and the stub's output to that `Output`.

    Virtual are: the waits of retries, timeouts, `asyncio.sleep` and every other timer of the event
    loop, and the times in the store. They take no time, and end in the order of their times. Jitter
    depends on `seed` alone: a run of stubs and `async def` handlers is the same each time.
    Real are: threads, thus handlers with a plain `def`, sockets, child processes, `time.sleep`,
    `time.monotonic`, `datetime.now`. While an answer from one of these is awaited, time passes as
    it does outside. Threads that a handler starts itself are not seen: it does not wait for them.

    Where a loop runs already (an `async def` test), the run gets a thread and a loop of its own.
    `options` are those of `Engine` that `EngineOptions` names.

    Raises:
        DocumentRefused: the document or the input has problems.
        TimeoutError: the execution is open after `longest` virtual or `patience` real seconds.
        ValueError: a stub is for no node of the document.

    """
    given = {node: stub_of(stub) for node, stub in (stubs or {}).items()}
    cast = Cast(given)

    def engine() -> CastEngine:
        return CastEngine(
            cast,
            handlers=handlers,
            plugins=plugins,
            named=_handlers_of(document, given, options.get("limits") or Limits()),
            seed=seed,
            **options,
        )

    return run_on(engine, cast, document, input, longest=longest, patience=patience)


def run_on(
    make: Callable[[], CastEngine],
    cast: Cast,
    document: Document,
    input: Any = UNSET,
    *,
    longest: float = _A_DAY,
    patience: float = _PATIENCE,
) -> WorkflowRun:
    """Run a workflow as `run_workflow` does, on an engine that is made in the loop."""

    async def session() -> WorkflowRun:
        async with make() as engine:
            execution, _ = await engine.start_execution(document, input)
            await _ended(engine, execution, longest, patience)
            return await _told(engine, cast, execution)

    return without_loop(lambda: in_virtual_time(session))


def _handlers_of(document: Document, stubs: Iterable[str], limits: Limits) -> set[str]:
    """Return the handlers that stubbed nodes name; what is wrong beyond that, the engine tells."""
    read: Any = parse(document, limits) if isinstance(document, str | bytes) else document
    try:
        named = {node["id"]: node["handler"] for node in read["dag"]["nodes"]}
    except (KeyError, TypeError):
        return set()
    for node in stubs:
        if node not in named:
            hint = did_you_mean(node, named) or f"its nodes are {', '.join(named)}"
            raise ValueError(f"a stub is for the node {node!r}, which the document lacks; {hint}")
    return {named[node] for node in stubs}


async def _ended(engine: CastEngine, execution: str, longest: float, patience: float) -> None:
    """Wait for the end, within bounds of both times; raises `TimeoutError`."""
    waiting = asyncio.ensure_future(engine.wait(execution, timeout=longest))
    loop = asyncio.get_running_loop()
    # A thread: the loop's own timers know nothing of real time.
    watch = threading.Timer(patience, loop.call_soon_threadsafe, [waiting.cancel])
    watch.daemon = True
    watch.start()
    try:
        await asyncio.wait([waiting])
    finally:
        watch.cancel()
    if waiting.cancelled() or not waiting.result().status.terminal:
        kind = f"{patience:g} real" if waiting.cancelled() else f"{longest:g} virtual"
        raise TimeoutError(
            f"not ended after {kind} seconds: {await _open_nodes(engine, execution)}"
        )


async def _open_nodes(engine: CastEngine, execution: str) -> str:
    view = await engine.execution(execution, outputs=False)
    states = {key: node["state"] for key, node in view["nodes"].items()}
    touched = [
        f"{key} is {state}"
        for key, state in states.items()
        if state != NodeState.PENDING and not NodeState(state).terminal
    ]
    return ", ".join(touched[:_OPEN_NODES_SHOWN]) or f"the execution is {view['status']}"


async def _told(engine: CastEngine, cast: Cast, execution: str) -> WorkflowRun:
    seconds = asyncio.get_running_loop().time()
    calls = tuple(cast.calls)
    result = await engine.result(execution)
    nodes = (await engine.execution(execution, outputs=False))["nodes"]
    _, found = await engine.memory.results(execution, list(nodes))
    attempts = {node.key: node.attempt for node in await engine.memory.nodes(execution, "", _MANY)}
    return WorkflowRun(
        status=result.status,
        results=result.results,
        outputs={
            key: json.loads(found[key].output or "{}")
            for key in nodes
            if key in found and found[key].state is NodeState.COMPLETED
        },
        errors={key: node["error"] for key, node in nodes.items() if "error" in node},
        states={key: NodeState(node["state"]) for key, node in nodes.items()},
        attempts={key: attempts.get(key, 0) for key in nodes},
        calls=calls,
        seconds=seconds,
        events=tuple(await engine.memory.events(execution, 0, _MANY)),
        result=result,
    )
