"""Reading executions: what the API, the command and embedders show of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from wfcore.engine.node_view import NodeReader
from wfcore.engine.opened import OpenExecution
from wfcore.engine.outline import Outline
from wfcore.engine.patience import PATIENCE
from wfcore.engine.runtime import Runtime
from wfcore.engine.views import Result, execution_view, read_result
from wfcore.errors import DocumentRefused, ExecutionNotFound, NodeNotFound, StoreError
from wfcore.plugins.registry import Registry
from wfcore.problems import did_you_mean
from wfcore.store.contract import ExecutionRecord, Filter, Page

__all__ = ["ExecutionReader"]

T = TypeVar("T")
_MOST_LISTED: Final = 1_000
_FEW_RESULTS: Final = 16
_READ_AGAIN: Final = (StoreError, ExecutionNotFound)


class ExecutionReader:
    """Reads what the store has of executions; who is asked for answers within some patience."""

    def __init__(self, runtime: Runtime, registry: Registry, nodes: NodeReader) -> None:
        self._runtime = runtime
        self._registry = registry
        self._nodes = nodes

    async def record(self, execution_id: str) -> ExecutionRecord:
        """Return an execution without its nodes."""
        record = await self._ask(lambda: self._runtime.store.read(execution_id))
        if record is None:
            raise ExecutionNotFound(execution_id)
        return record

    async def ended(self, execution_id: str, opened: OpenExecution | None) -> ExecutionRecord:
        """Return an execution that most likely has ended; its results are read along with it."""
        if opened is None or len(opened.plan.results) > _FEW_RESULTS:
            return await self.record(execution_id)
        results = self._runtime.outcomes.read(
            execution_id, opened.number, opened.plan.results, patience=0.0
        )
        record, ahead = await asyncio.gather(
            self.record(execution_id), results, return_exceptions=True
        )
        if isinstance(ahead, BaseException) and not isinstance(ahead, _READ_AGAIN):
            raise ahead
        if isinstance(record, BaseException):
            raise record
        return record

    async def search(self, wanted: Filter, after: str, limit: int) -> Page:
        """Return a page of executions."""
        if not 1 <= limit <= _MOST_LISTED:
            raise ValueError(f"limit is {limit!r}; it has to be from 1 to {_MOST_LISTED}")
        return await self._ask(lambda: self._runtime.store.search(wanted, after, limit))

    async def document(self, record: ExecutionRecord) -> str:
        """Return the workflow document of an execution, as JSON text."""
        return await self._ask(lambda: self._runtime.store.document(record.plan)) or ""

    async def view(self, execution_id: str, *, outputs: bool) -> dict[str, Any]:
        """Return the status of an execution and of every node."""
        record = await self.record(execution_id)
        outline = await self._outline(record)
        store = self._runtime.store
        return await self._ask(lambda: execution_view(store, record, outline, outputs=outputs))

    async def node(self, execution_id: str, key: str) -> dict[str, Any]:
        """Return all that is known of one node."""
        record = await self.record(execution_id)
        outline = await self._outline(record)
        if key not in outline.nodes:
            raise NodeNotFound(execution_id, key, did_you_mean(key, outline.nodes))
        return await self._ask(lambda: self._nodes.view(record, key))

    async def result(self, record: ExecutionRecord) -> Result:
        """Return how an execution ended, or where it stands."""
        outline = await self._outline(record)
        runtime = self._runtime
        return await self._ask(
            lambda: read_result(runtime.store, runtime.outcomes, record, outline)
        )

    async def _outline(self, record: ExecutionRecord) -> Outline:
        try:
            return Outline.of_plan(await self._ask(lambda: self._runtime.plans.get(record.plan)))
        except DocumentRefused:
            # A plugin of it is missing now; what it did can be read all the same.
            document = await self.document(record)
        if not document:
            # It was deleted since its record was read.
            raise ExecutionNotFound(record.id)
        return Outline.of_document(document, self._registry)

    async def _ask(self, command: Callable[[], Awaitable[T]]) -> T:
        return await self._runtime.insist(command, PATIENCE)
