"""One node as people look into it: its attempts, its config as rendered, what it logged."""

import json
from collections.abc import Container, Sequence
from typing import Any, Final

from wfcore.engine.opened import OpenExecution
from wfcore.engine.outcomes import NodeOutcome
from wfcore.engine.plan import PlanNode
from wfcore.engine.runtime import Runtime
from wfcore.engine.threads import Threads
from wfcore.engine.views import moment, results_of
from wfcore.engine.worker import Worker
from wfcore.errors import DocumentRefused, ExecutionNotFound
from wfcore.store.contract import Event, ExecutionRecord, NodeRecord
from wfcore.store.shared import is_shared
from wfcore.templating import RenderError, Scope
from wfcore.templating.scope import SECRETS
from wfcore.workflow.states import NodeState

__all__ = ["NodeReader"]

_EVENTS: Final = 1_000
_MASK: Final = "***"


class NodeReader:
    """Reads one node at a time."""

    def __init__(
        self, runtime: Runtime, worker: Worker, threads: Threads, installed: Container[str]
    ) -> None:
        self._runtime = runtime
        self._installed = installed
        self._worker = worker
        self._threads = threads

    async def view(self, record: ExecutionRecord, key: str) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}/nodes/{key}`."""
        store = self._runtime.store
        outcomes = self._runtime.outcomes
        outcome = (await outcomes.read(record.id, record.number, [key], patience=0.0))[key]
        row = await self._row(record.id, key)
        events = await store.history(record.id, key, _EVENTS)
        await results_of(store, record, [])
        view: dict[str, Any] = {"execution_id": record.id, "key": key}
        try:
            opened = await self._runtime.opened.peek(record.id, record.number, record.plan)
        except DocumentRefused as refused:
            view |= await self._facts(record, key)
            view |= _standing(record, row, outcome)
            view |= {"config": None, "config_error": f"it cannot run here: {refused}"}
        else:
            node = opened.plan.nodes[key]
            view |= {"handler": node.handler, "dependencies": list(node.dependencies)}
            view |= _standing(record, row, outcome)
            view |= await self._config(opened, node)
        if view["state"] == NodeState.READY and (why := await self._awaited(view["handler"])):
            view["waiting_for"] = why
        attempts = _attempts(events, row)
        view["attempts"] = attempts
        return view | self._heard(record, key, attempts)

    async def _row(self, execution: str, key: str) -> NodeRecord | None:
        # The page begins after a key: the one just below it is the same without its last character.
        below, last = key[:-1], key[-1]
        after = below + chr(ord(last) - 1) + "\U0010ffff"
        rows = await self._runtime.store.nodes(execution, after, 1)
        return rows[0] if rows and rows[0].key == key else None

    async def _awaited(self, handler: str) -> str | None:
        """Say what a READY node waits for, where nobody is there who can run it."""
        store = self._runtime.store
        if not is_shared(store):
            missing = handler not in self._installed
            return f"the handler {handler!r} is not installed here" if missing else None
        if any(handler in worker.handlers for worker in await store.workers()):
            return None
        return f"no live worker has the handler {handler!r}"

    async def _facts(self, record: ExecutionRecord, key: str) -> dict[str, Any]:
        """Read from the document what a plan would say."""
        text = await self._runtime.store.document(record.plan)
        if text is None:
            raise ExecutionNotFound(record.id)
        node = next(each for each in json.loads(text)["dag"]["nodes"] if each["id"] == key)
        return {"handler": node["handler"], "dependencies": node.get("dependencies", [])}

    async def _config(self, opened: OpenExecution, node: PlanNode) -> dict[str, Any]:
        """Render the config as an attempt does, with secrets masked.

        Outputs never change, so this is what the attempts got, as long as filters are pure.
        """
        outcomes = self._runtime.outcomes
        found = await outcomes.read(opened.execution, opened.number, node.needs)
        awaited = [key for key, each in found.items() if not each.result.state.terminal]
        if awaited:
            return {"config": None, "config_error": f"waits for {', '.join(awaited[:5])}"}
        names: dict[str, Any] = {key: each.view for key, each in found.items()}
        if node.needs_execution:
            names["execution"] = opened.view()
        names[SECRETS] = dict.fromkeys(node.secrets, _MASK)
        try:
            config = await self._threads.run_unless(
                not node.config.heavy, lambda: node.config.render(Scope(names))
            )
        except RenderError as error:
            return {"config": None, "config_error": error.message}
        return {"config": config}

    def _heard(
        self, record: ExecutionRecord, key: str, attempts: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return what the handler said last, also while it runs here."""
        context = self._worker.held.context(record.id, record.number, key)
        if context is None:
            return {"log": attempts[-1]["log"] if attempts else []}
        heard: dict[str, Any] = {"log": list(context.log_lines)}
        if context.progress_made is not None:
            fraction, message = context.progress_made
            heard["progress"] = {"fraction": fraction, "message": message}
        return heard


def _standing(
    record: ExecutionRecord, row: NodeRecord | None, outcome: NodeOutcome
) -> dict[str, Any]:
    state = outcome.result.state
    if record.status.terminal and state is NodeState.PENDING:
        # What nothing had touched when an execution was halted has no row that could say so.
        state = NodeState.CANCELLED
    view: dict[str, Any] = {"state": str(state), "output": outcome.output()}
    if outcome.result.error is not None:
        view["error"] = json.loads(outcome.result.error)
    view["started"] = moment(row.started if row is not None else None)
    view["ended"] = moment(row.ended if row is not None else None)
    return view


def _attempts(events: Sequence[Event], row: NodeRecord | None) -> list[dict[str, Any]]:
    """Put attempts together from the events of their node.

    A first attempt that the worker of a predecessor kept has no event of its own at its start: the
    node's own start is that.
    """
    found: dict[int, dict[str, Any]] = {}
    started = row.started if row is not None else None
    if started is not None:
        found[1] = _attempt(1, started)
    for event in events:
        if event.attempt == 0:
            continue
        attempt = found.setdefault(event.attempt, _attempt(event.attempt, None))
        if event.to is NodeState.RUNNING:
            attempt["started"] = moment(event.at)
        elif event.before is NodeState.RUNNING or (event.to is not None and event.to.terminal):
            attempt |= _end(event)
    return [found[number] for number in sorted(found)]


def _attempt(number: int, started: int | None) -> dict[str, Any]:
    return {
        "attempt": number,
        "started": moment(started),
        "ended": None,
        "outcome": str(NodeState.RUNNING),
        "log": [],
    }


def _end(event: Event) -> dict[str, Any]:
    detail = event.detail or {}
    outcome = str(event.to)
    if event.to is NodeState.READY:
        # The lease ran out, or the worker gave the attempt back.
        outcome = "RELEASED" if "released" in detail else "LOST"
    said = ("error", "retry_in_ms", "resumes_in_ms", "reused", "reason", "released")
    told = {name: detail[name] for name in said if name in detail}
    return {"ended": moment(event.at), "outcome": outcome, "log": detail.get("log", []), **told}
