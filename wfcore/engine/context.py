"""The `NodeContext` of an attempt that runs in this process."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from wfcore.engine.failure import storable_text
from wfcore.engine.opened import OpenExecution
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.watch import Message, Watchers
from wfcore.outbound.http import HttpClient
from wfcore.plugins.context import NodeContext
from wfcore.plugins.llm import LlmProvider
from wfcore.plugins.meters import add_to_meter
from wfcore.secrets.log import mask_record, record_text
from wfcore.secrets.redactor import Redactor
from wfcore.store.contract import Lease
from wfcore.workflow.states import NodeState

__all__ = ["AttemptContext", "NodeLog", "Surroundings"]

_LOG_LINES: Final = 20
_LINE_LENGTH: Final = 500
_METER_LENGTH: Final = 100


class NodeLog(logging.Logger):
    """A handler's logger: its lines go to the process's log and, the last of them, to the event."""

    def __init__(self, execution: str, key: str, redactor: Redactor | None) -> None:
        parent = logging.getLogger("wfcore.node")
        # Debug lines are for those who look for them, beside the node as well.
        super().__init__(f"wfcore.node.{key}", min(logging.INFO, parent.getEffectiveLevel()))
        self.parent = parent
        self._place = {"execution": execution, "node": key}
        self._redactor = redactor
        self.lines: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        """Keep the line, and hand it on."""
        if self._redactor is not None:
            mask_record(record, self._redactor)
        for name, value in self._place.items():
            setattr(record, name, value)
        self.lines.append(storable_text(f"{record.levelname} {record_text(record)}", _LINE_LENGTH))
        del self.lines[:-_LOG_LINES]
        if self.parent is not None and self.parent.isEnabledFor(record.levelno):
            super().handle(record)


class Surroundings(NamedTuple):
    """What the contexts of all attempts of an engine share."""

    outcomes: Outcomes
    settings: Mapping[str, str]
    watchers: Watchers
    llm_providers: Mapping[str, LlmProvider]
    now: Callable[[], datetime]
    """The time in UTC, which is not the real one in every test."""
    ticks: Callable[[], float]
    """Seconds that pass as they do in `now`, but never backwards; asked from any thread."""


class AttemptContext(NodeContext):
    """One attempt as its handler sees it."""

    def __init__(
        self,
        lease: Lease,
        opened: OpenExecution,
        around: Surroundings,
        http: HttpClient,
        redactor: Redactor | None,
        config: BaseModel,
    ) -> None:
        plan = opened.plan
        self.handler = plan.nodes[lease.key].handler
        self.workflow = plan.name
        # Those of the plan are for all executions of the workflow.
        self.labels = dict(plan.labels)
        self.config = config
        self.execution_id = lease.execution
        self.node = lease.key
        self.attempt = lease.attempt
        self.idempotency_key = f"{lease.execution}/{lease.key}"
        self.http = http
        self.notice_text: str | None = None
        self.progress_made: tuple[float | None, str] | None = None
        self.stopped = False
        self.meters: dict[str, float] = {}
        self._around = around
        self._age = lease.age_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._since = around.ticks()
        self._opened = opened
        self._redactor = redactor
        self._log: NodeLog | None = None

    @property
    def logger(self) -> logging.Logger:
        """Made at first use: most attempts log nothing."""
        if self._log is None:
            self._log = NodeLog(self.execution_id, self.node, self._redactor)
        return self._log

    @property
    def log_lines(self) -> list[str]:
        """The last lines that the handler logged."""
        return self._log.lines if self._log is not None else []

    @property
    def elapsed(self) -> float:
        return self._age + self._around.ticks() - self._since

    @property
    def now(self) -> datetime:
        return self._around.now()

    async def outputs(self) -> dict[str, dict[str, Any]]:
        dependencies = self._opened.plan.nodes[self.node].dependencies
        outcomes, number = self._around.outcomes, self._opened.number
        found = await outcomes.read(self.execution_id, number, dependencies)
        return {
            key: found[key].output()
            for key in dependencies
            if found[key].result.state is NodeState.COMPLETED
        }

    async def input(self) -> Any:
        # A copy: what a handler does to it must not reach the others.
        return json.loads(json.dumps(self._opened.input))

    def setting(self, name: str) -> str | None:
        return self._around.settings.get(name)

    def llm_provider(self, name: str) -> LlmProvider | None:
        return self._around.llm_providers.get(name)

    def notice(self, text: str) -> None:
        self.notice_text = storable_text(self._masked(text), _LINE_LENGTH)

    def progress(self, fraction: float | None, message: str = "") -> None:
        self.progress_made = (fraction, self._masked(message)[:_LINE_LENGTH])

    def emit(self, kind: str, data: Any) -> None:
        watchers = self._around.watchers
        if watchers.listening(self.execution_id):
            if self._redactor is not None:
                kind, data = self._redactor.text(kind), self._redactor.details(data)
            message = Message(self.node, self.attempt, kind, data)
            # A thread whose attempt was abandoned may outlive the loop; nobody listens then.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(watchers.tell, self.execution_id, message)

    def meter(self, name: str, amount: float) -> None:
        name = storable_text(self._masked(name), _METER_LENGTH)
        add_to_meter(self.meters, name, amount)

    @property
    def cancelled(self) -> bool:
        return self.stopped

    def _masked(self, text: str) -> str:
        return text if self._redactor is None else self._redactor.text(text)
