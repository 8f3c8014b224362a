"""What nodes left behind, as templates and handlers read it: a bounded cache before the store.

Terminal results never change, so a process may keep them as long as it likes.
"""

import json
import sys
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from wfcore.engine.counters import Counters
from wfcore.engine.patience import insist
from wfcore.errors import ExecutionNotFound
from wfcore.store.contract import NodeResult, NodeResults, StateStore
from wfcore.workflow.states import NodeState
from wfcore.workflow.weight import parsed_size

__all__ = ["NodeOutcome", "Outcomes"]

_MAX_BYTES: Final = 64 * 1024 * 1024
_OVERHEAD: Final = 500


class NodeOutcome:
    """One node's state, output and error. Parsed at first use."""

    __slots__ = ("_view", "result", "size")

    def __init__(self, result: NodeResult) -> None:
        self.result = result
        self.size = _OVERHEAD + sum(sys.getsizeof(text) for text in self._texts())
        """About how many bytes this one keeps in memory, more once it is parsed."""
        self._view: dict[str, Any] | None = None

    @property
    def view(self) -> dict[str, Any]:
        """What a template sees under the node's name. Shared: never to be changed."""
        if self._view is None:
            self._view = {"state": str(self.result.state), "output": self.output()}
            if self.result.error is not None:
                self._view["error"] = json.loads(self.result.error)
            self.size += sum(parsed_size(text) for text in self._texts())
        return self._view

    def output(self) -> dict[str, Any]:
        """Return the output object, the caller's own; `{}` where there is none."""
        text = self.result.output
        parsed: dict[str, Any] = json.loads(text) if text is not None else {}
        return parsed

    def _texts(self) -> list[str]:
        return [text for text in (self.result.output, self.result.error) if text is not None]


_UNTOUCHED: Final = NodeOutcome(NodeResult(NodeState.PENDING, None, None))


class Outcomes:
    """Reads results, terminal ones from memory where they are there.

    Whose they are is said by an execution's id and its number: the id of one that was deleted may
    come again.
    """

    def __init__(self, store: StateStore, counters: Counters, max_bytes: int = _MAX_BYTES) -> None:
        self._store = store
        self._counters = counters
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[str, int, str], NodeOutcome] = OrderedDict()

    def remember(self, execution: str, number: int, key: str, result: NodeResult) -> NodeOutcome:
        """Keep a terminal result; another one is only wrapped."""
        outcome = NodeOutcome(result)
        place = execution, number, key
        if result.state.terminal and place not in self._known:
            self._known[place] = outcome
            self._add(outcome.size)
        return outcome

    async def views(
        self, execution: str, number: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return what templates see under the name of every key; parsed ones weigh more."""
        views: dict[str, dict[str, Any]] = {}
        for key, outcome in (await self.read(execution, number, keys)).items():
            before = outcome.size
            views[key] = outcome.view
            if self._known.get((execution, number, key)) is outcome:
                self._add(outcome.size - before)
        return views

    def _add(self, size: int) -> None:
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= dropped.size

    async def read(
        self, execution: str, number: int, keys: Sequence[str], patience: float | None = None
    ) -> dict[str, NodeOutcome]:
        """Return the outcome of every key; those that nothing touched are PENDING.

        A store that is away is no fault of the node that reads: without `patience`, in seconds,
        this waits until it is back. Raises `ExecutionNotFound` where the execution was deleted.
        """
        known = self._known
        found: dict[str, NodeOutcome] = {}
        missing: list[str] = []
        for key in keys:
            outcome = known.get((execution, number, key))
            if outcome is None:
                missing.append(key)
            else:
                found[key] = outcome
        if missing:
            stored = await self._stored(execution, missing, patience)
            if stored.number != number:
                raise ExecutionNotFound(execution)
            for key in missing:
                result = stored.nodes.get(key)
                found[key] = (
                    _UNTOUCHED if result is None else self.remember(execution, number, key, result)
                )
        return found

    async def read_one(
        self, execution: str, key: str, patience: float | None = None
    ) -> tuple[int, NodeOutcome]:
        """Return the outcome of a key of whichever execution has the id now, and its number."""
        number, nodes = await self._stored(execution, [key], patience)
        result = nodes.get(key)
        if result is None:
            return number, _UNTOUCHED
        return number, self.remember(execution, number, key, result)

    async def _stored(
        self, execution: str, keys: Sequence[str], patience: float | None
    ) -> NodeResults:
        return await insist(lambda: self._store.results(execution, keys), self._counters, patience)
