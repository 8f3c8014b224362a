"""Executions as people read them: the bodies of the API, and the result of an awaited execution."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from wfcore.engine.outcomes import Outcomes
from wfcore.engine.outline import Outline
from wfcore.errors import ErrorRecord, ExecutionFailed, ExecutionNotFound
from wfcore.store.contract import (
    Event,
    ExecutionRecord,
    Halt,
    NodeRecord,
    NodeResult,
    StateStore,
)
from wfcore.workflow.states import NodeState, Status

__all__ = [
    "Result",
    "event_view",
    "execution_summary",
    "execution_view",
    "moment",
    "read_result",
    "results_of",
]

_PAGE: Final = 1_000
_WITH_ERROR: Final = (NodeState.FAILED, NodeState.CANCELLED, NodeState.WAITING)


@dataclass(frozen=True, slots=True)
class Result:
    """How an execution ended, or stands.

    `results` are the aggregated results, by node id: `{}` until the end. `errors` holds the error
    of every FAILED node. `notices` are sentences that handlers put on the result. `usage` sums what
    its attempts metered, by name (`input_tokens`, `cost`).
    """

    execution_id: str
    status: Status
    results: dict[str, Any]
    errors: dict[str, ErrorRecord] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    message: str = ""
    usage: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the body of `GET /workflows/{execution_id}/results`."""
        body: dict[str, Any] = {
            "execution_id": self.execution_id,
            "status": str(self.status),
            "completed": self.status is Status.COMPLETED,
            "results": {
                "final_status": f"workflow_{self.status.lower()}",
                "aggregated_results": self.results,
            },
            "message": self.message,
        }
        if self.errors:
            body["errors"] = self.errors
        return body

    def raise_for_failure(self) -> "Result":
        """Return this result, or raise `ExecutionFailed` where it is not COMPLETED."""
        if self.status is not Status.COMPLETED:
            raise ExecutionFailed(self.execution_id, str(self.status), self.errors, self.message)
        return self


def moment(milliseconds: int | None) -> str | None:
    """Return a time of the store as RFC 3339 text in UTC, to the millisecond."""
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def execution_summary(record: ExecutionRecord) -> dict[str, Any]:
    """Return an execution as lists show it."""
    summary: dict[str, Any] = {
        "execution_id": record.id,
        "name": record.name,
        "status": str(record.status),
        "labels": record.labels,
        "created": moment(record.created),
        "started": moment(record.started),
        "ended": moment(record.ended),
    }
    return summary | _links(record)


def event_view(event: Event) -> dict[str, Any]:
    """Return an event as the API's stream shows it; an empty key is the execution itself."""
    return {
        "seq": event.seq,
        "at": moment(event.at),
        "key": event.key,
        "from": str(event.before) if event.before is not None else None,
        "to": str(event.to) if event.to is not None else None,
        "attempt": event.attempt,
        "fired": list(event.fired),
        "kept": list(event.kept),
        "status": str(event.status),
        "detail": event.detail,
    }


def _links(record: ExecutionRecord) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if record.retry_of is not None:
        more["retry_of"] = record.retry_of
    if record.meters:
        more["usage"] = record.meters
    return more


async def execution_view(
    store: StateStore, record: ExecutionRecord, outline: Outline, *, outputs: bool = True
) -> dict[str, Any]:
    """Return the body of `GET /workflows/{execution_id}`: every node, in the document's order."""
    # What nothing had touched when an execution was halted has no row that could say so.
    unopened = str(NodeState.CANCELLED if record.status.terminal else NodeState.PENDING)
    nodes: dict[str, Any] = {key: {"state": unopened} for key in outline.nodes}
    if outputs:
        for shown in nodes.values():
            shown["output"] = {}
    async for page in _pages(store, record.id):
        shown_whole = [each for each in page if outputs or each.state in _WITH_ERROR]
        keys = [node.key for node in shown_whole if node.key in nodes]
        found = await results_of(store, record, keys)
        for node in page:
            if node.key not in nodes:
                continue
            shown = nodes[node.key]
            if node.state is not NodeState.PENDING:
                shown["state"] = str(node.state)
            result = found.get(node.key)
            if result is not None:
                # Read later than the page: the state that goes with the output.
                shown["state"] = str(result.state)
            if outputs and result is not None and result.output is not None:
                shown["output"] = json.loads(result.output)
            if result is not None and result.error is not None:
                shown["error"] = json.loads(result.error)
    view = {"execution_id": record.id, "status": str(record.status), "nodes": nodes}
    return view | _links(record)


async def results_of(
    store: StateStore, record: ExecutionRecord, keys: Sequence[str]
) -> dict[str, NodeResult]:
    """Read what nodes left behind; raises `ExecutionNotFound` where it was deleted meanwhile.

    Whoever reads an execution in several steps ends with this, and be it for no node: its id may
    have come again, and nobody is to see a mixture of two.
    """
    number, found = await store.results(record.id, keys)
    if number != record.number:
        raise ExecutionNotFound(record.id)
    return found


async def read_result(
    store: StateStore, outcomes: Outcomes, record: ExecutionRecord, outline: Outline
) -> Result:
    """Return how an execution ended, or where it stands."""
    if not record.status.terminal:
        message = f"The execution is {record.status}; results follow when it has ended."
        return Result(record.id, record.status, {}, {}, record.notices, message, record.meters)
    results = await _aggregated(outcomes, record, outline)
    errors = await _errors(store, record, outline) if record.status is not Status.COMPLETED else {}
    message = _message(record, errors)
    return Result(record.id, record.status, results, errors, record.notices, message, record.meters)


async def _aggregated(
    outcomes: Outcomes, record: ExecutionRecord, outline: Outline
) -> dict[str, Any]:
    found = await outcomes.read(record.id, record.number, outline.results, patience=0.0)
    aggregated: dict[str, Any] = {}
    for key in outline.results:
        if found[key].result.state is not NodeState.COMPLETED:
            continue
        output = found[key].output()
        if outline.merges:
            aggregated.update(output)
        else:
            aggregated[key] = output
    return aggregated


async def _errors(
    store: StateStore, record: ExecutionRecord, outline: Outline
) -> dict[str, ErrorRecord]:
    """Return the errors of the nodes that FAILED, in the order in which they did.

    Those that failed the execution come before those that are data.
    """
    failed: list[NodeRecord] = []
    async for page in _pages(store, record.id):
        failed.extend(node for node in page if node.state is NodeState.FAILED)
    failed.sort(key=lambda node: (outline.is_data(node.key), node.ended or 0))
    found = await results_of(store, record, [node.key for node in failed])
    return {
        node.key: json.loads(error)
        for node in failed
        if (error := found[node.key].error) is not None
    }


def _message(record: ExecutionRecord, errors: dict[str, ErrorRecord]) -> str:
    if record.status is Status.COMPLETED:
        return "Results retrieved successfully."
    if record.halt is Halt.TIMEOUT:
        return "The execution's timeout passed; what was open was cancelled."
    if record.status is Status.CANCELLED:
        return "The execution was cancelled."
    if not errors:
        return "The execution failed."
    node, error = next(iter(errors.items()))
    others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"Node {node} failed: {error['type']}: {error['message']}{others}"


async def _pages(store: StateStore, execution: str) -> AsyncIterator[list[NodeRecord]]:
    """Yield the nodes in pages; the last one has less than others, and may be empty."""
    page: list[NodeRecord] | None = None
    while page is None or len(page) == _PAGE:
        page = await store.nodes(execution, page[-1].key if page else "", _PAGE)
        yield page
