"""What nodes left behind, as templates and handlers read it: a bounded cache before the store.

Terminal results never change, so a process may keep them as long as it likes.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from wfcore.engine.counters import Counters
from wfcore.engine.patience import insist
from wfcore.store.contract import NodeResult, StateStore
from wfcore.workflow.states import NodeState

__all__ = ["NodeOutcome", "Outcomes"]

_MAX_BYTES: Final = 64 * 1024 * 1024
_OVERHEAD: Final = 500


class NodeOutcome:
    """One node's state, output and error. Parsed at first use."""

    __slots__ = ("_view", "result")

    def __init__(self, result: NodeResult) -> None:
        self.result = result
        self._view: dict[str, Any] | None = None

    @property
    def view(self) -> dict[str, Any]:
        """What a template sees under the node's name. Shared: never to be changed."""
        if self._view is None:
            self._view = {"state": str(self.result.state), "output": self.output()}
            if self.result.error is not None:
                self._view["error"] = json.loads(self.result.error)
        return self._view

    def output(self) -> dict[str, Any]:
        """Return the output object, the caller's own; `{}` where there is none."""
        text = self.result.output
        parsed: dict[str, Any] = json.loads(text) if text is not None else {}
        return parsed

    @property
    def size(self) -> int:
        """About how many bytes this one keeps in memory."""
        return _OVERHEAD + len(self.result.output or "") + len(self.result.error or "")


_UNTOUCHED: Final = NodeOutcome(NodeResult(NodeState.PENDING, None, None))


class Outcomes:
    """Reads results, terminal ones from memory where they are there."""

    def __init__(self, store: StateStore, counters: Counters, max_bytes: int = _MAX_BYTES) -> None:
        self._store = store
        self._counters = counters
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[str, str], NodeOutcome] = OrderedDict()

    def remember(self, execution: str, key: str, result: NodeResult) -> NodeOutcome:
        """Keep a terminal result; another one is only wrapped."""
        outcome = NodeOutcome(result)
        if result.state.terminal and (execution, key) not in self._known:
            self._known[execution, key] = outcome
            self._bytes += outcome.size
            while self._bytes > self._max_bytes:
                self._bytes -= self._known.popitem(last=False)[1].size
        return outcome

    async def read(
        self, execution: str, keys: Sequence[str], patience: float | None = None
    ) -> dict[str, NodeOutcome]:
        """Return the outcome of every key; those that nothing touched are PENDING.

        A store that is away is no fault of the node that reads: without `patience`, in seconds,
        this waits until it is back.
        """
        known = self._known
        found: dict[str, NodeOutcome] = {}
        missing: list[str] = []
        for key in keys:
            outcome = known.get((execution, key))
            if outcome is None:
                missing.append(key)
            else:
                found[key] = outcome
        if missing:
            stored = await insist(
                lambda: self._store.results(execution, missing), self._counters, patience
            )
            for key in missing:
                result = stored.get(key)
                found[key] = (
                    self.remember(execution, key, result) if result is not None else _UNTOUCHED
                )
        return found
