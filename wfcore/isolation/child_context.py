"""The `NodeContext` of a handler in another process: what it cannot answer, it asks the engine."""

import asyncio
import itertools
import logging
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from time import monotonic
from typing import Any

from pydantic import BaseModel

from wfcore.isolation.failure import raised
from wfcore.isolation.frames import Line, Message
from wfcore.isolation.order import Order
from wfcore.outbound.http import HttpClient
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import NoConfig
from wfcore.plugins.meters import add_to_meter
from wfcore.secrets.log import record_text

__all__ = ["ChildContext", "LogToEngine"]


class ChildContext(NodeContext):
    """One attempt, as its handler sees it in its process."""

    def __init__(
        self,
        order: Order,
        serial: int,
        line: Line,
        http: HttpClient,
        settings: Mapping[str, str],
        longest: int,
    ) -> None:
        self.execution_id = order.execution_id
        self.node = order.node
        self.attempt = order.attempt
        self.idempotency_key = order.idempotency_key
        self.handler = order.handler
        self.workflow = order.workflow
        self.labels = order.labels
        self.config: BaseModel = NoConfig()
        self._elapsed = order.elapsed
        self._since = monotonic()
        self.http = http
        self.stopped = False
        self._serial = serial
        self._line = line
        self._settings = settings
        self._longest = longest
        self._meters: dict[str, float] = {}
        self._numbers = itertools.count()
        self._questions: dict[int, Future[Any]] = {}
        self._logger = _NodeLogger(self)

    @property
    def logger(self) -> logging.Logger:
        return self._logger

    @property
    def elapsed(self) -> float:
        return self._elapsed + monotonic() - self._since

    async def outputs(self) -> dict[str, dict[str, Any]]:
        outputs: dict[str, dict[str, Any]] = await self._ask("outputs")
        return outputs

    async def input(self) -> Any:
        return await self._ask("input")

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def notice(self, text: str) -> None:
        self.tell({"kind": "notice", "text": text})

    def progress(self, fraction: float | None, message: str = "") -> None:
        self.tell({"kind": "progress", "fraction": fraction, "message": message})

    def emit(self, kind: str, data: Any) -> None:
        self.tell({"kind": "emit", "what": kind, "data": data})

    def meter(self, name: str, amount: float) -> None:
        # What is wrong with it has to be raised here; the engine sums as well.
        added = add_to_meter(self._meters, name, amount)
        self.tell({"kind": "meter", "name": name, "amount": added})

    @property
    def cancelled(self) -> bool:
        return self.stopped

    def tell(self, message: Message) -> None:
        """Send what the attempt says; raises `ValueError` where it is too much."""
        self._line.say({"serial": self._serial, **message}, self._longest)

    def answer(self, message: Message) -> None:
        """Take the answer to a question."""
        question = self._questions.pop(message["number"], None)
        if question is None or not question.set_running_or_notify_cancel():
            return
        if "failure" in message:
            question.set_exception(raised(message["failure"]))
        else:
            question.set_result(message["value"])

    async def _ask(self, what: str) -> Any:
        number = next(self._numbers)
        question: Future[Any] = Future()
        self._questions[number] = question
        self.tell({"kind": "ask", "number": number, "what": what})
        return await asyncio.wrap_future(question)


class _NodeLogger(logging.Logger):
    """A handler's logger: its lines stand beside the node, and in the engine's log."""

    def __init__(self, context: ChildContext) -> None:
        super().__init__(f"wfcore.node.{context.node}", logging.INFO)
        self._context = context

    def handle(self, record: logging.LogRecord) -> None:
        """Send it, whatever the logging of this process is set to."""
        self._context.tell({"kind": "line", **_written(record)})


class LogToEngine(logging.Handler):
    """What libraries log in this process goes to the log of the engine, which masks secrets."""

    def __init__(self, line: Line, longest: int) -> None:
        super().__init__()
        self._line = line
        self._longest = longest

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record."""
        try:
            message = {"kind": "log", "logger": record.name, **_written(record)}
            self._line.say(message, self._longest)
        except Exception:  # noqa: BLE001 - as in logging itself, a line that is lost fails nobody
            self.handleError(record)


def _written(record: logging.LogRecord) -> Message:
    failure = None
    if record.exc_info and record.exc_info[1] is not None:
        failure = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
    return {"level": record.levelno, "text": record_text(record), "failure": failure}
