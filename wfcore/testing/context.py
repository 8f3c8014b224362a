"""A context for handlers under test: what it gives is set, what it is told is kept."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import UNSET, HttpClient, HttpResponse
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import NoConfig
from wfcore.plugins.llm import LlmProvider
from wfcore.plugins.meters import add_to_meter

__all__ = ["FakeContext"]


class FakeContext(NodeContext):
    """A `NodeContext` without an engine.

    `input`, `outputs`, `settings`, `elapsed` and `now` are what the handler may ask for, and can be
    set later as `given_input`, `given_outputs`, `settings`, `given_elapsed` and `given_now`.
    `run_handler` sets `handler` and `config`. `http` is a client of your own; left out, it is
    the engine's real one, which reaches what `outbound_allow` opens beside the internet.

    What the handler says is kept: `notices`, `progressed` (fraction and message), `emitted` (kind
    and data), `meters` (sums by name), and `log_lines` ("INFO text"), which go to Python's
    `logging` as well. `cancel()` makes the result unwanted.
    """

    def __init__(  # noqa: PLR0913 - everything that a handler can see, each by keyword
        self,
        *,
        input: Any = UNSET,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, str] | None = None,
        cancelled: bool = False,
        http: HttpClient | None = None,
        outbound_allow: Iterable[str] = (),
        execution_id: str = "11111111-2222-3333-4444-555555555555",
        node: str = "node",
        attempt: int = 1,
        idempotency_key: str | None = None,
        elapsed: float = 0.0,
        now: datetime | None = None,
        workflow: str = "workflow",
        labels: Mapping[str, str] | None = None,
        llm_providers: Mapping[str, LlmProvider] | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.node = node
        self.attempt = attempt
        self.idempotency_key = idempotency_key or f"{execution_id}/{node}"
        self.handler = "handler"
        self.config: BaseModel = NoConfig()
        self.workflow = workflow
        self.labels = dict(labels or {})
        self.given_elapsed = elapsed
        self.given_now = now
        self._llm_providers = dict(llm_providers or {})
        self._own_client = _OwnClient(outbound_allow)
        self.http: HttpClient = http if http is not None else self._own_client
        self.given_input: Any = {} if input is UNSET else input
        self.given_outputs: Mapping[str, Mapping[str, Any]] = outputs or {}
        self.settings: Mapping[str, str] = settings or {}
        self.notices: list[str] = []
        self.progressed: list[tuple[float | None, str]] = []
        self.emitted: list[tuple[str, Any]] = []
        self.meters: dict[str, float] = {}
        self._log = _KeptLog()
        self._cancelled = cancelled

    @property
    def logger(self) -> logging.Logger:
        """Keeps its lines, and hands them on to Python's `logging`."""
        return self._log

    @property
    def log_lines(self) -> list[str]:
        """What was logged so far: level and message of each line."""
        return self._log.lines

    @property
    def elapsed(self) -> float:
        """What was given, or set as `given_elapsed`."""
        return self.given_elapsed

    @property
    def now(self) -> datetime:
        """What was given, or set as `given_now`; the real time without that."""
        return self.given_now if self.given_now is not None else super().now

    def llm_provider(self, name: str) -> LlmProvider | None:
        """Return what was given."""
        return self._llm_providers.get(name)

    async def outputs(self) -> dict[str, dict[str, Any]]:
        """Return a copy of what was given, as an engine does."""
        return {key: _copy(dict(output)) for key, output in self.given_outputs.items()}

    async def input(self) -> Any:
        """Return a copy of what was given, as an engine does."""
        return _copy(self.given_input)

    def setting(self, name: str) -> str | None:
        """Return what was given."""
        return self.settings.get(name)

    def notice(self, text: str) -> None:
        """Keep it in `notices`; an engine shows the last one of a node."""
        self.notices.append(text)

    def progress(self, fraction: float | None, message: str = "") -> None:
        """Keep it in `progressed`."""
        self.progressed.append((fraction, message))

    def emit(self, kind: str, data: Any) -> None:
        """Keep it in `emitted`; raises `TypeError` for what is not JSON."""
        self.emitted.append((kind, _copy(data)))

    def meter(self, name: str, amount: float) -> None:
        """Add it up in `meters`, within the bounds that an engine sets."""
        add_to_meter(self.meters, name, amount)

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called, or the context was made so."""
        return self._cancelled

    def cancel(self) -> None:
        """Make the result unwanted: `cancelled` is true, and `heartbeat` raises."""
        self._cancelled = True

    async def close(self) -> None:
        """Close the connections of its own HTTP client; it opens new ones when it is used again."""
        await self._own_client.close()


class _OwnClient:
    """The engine's HTTP client, made at the first request after each close."""

    def __init__(self, allow: Iterable[str]) -> None:
        self._allow = tuple(allow)
        self._client: OutboundClient | None = None

    async def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        if self._client is None:
            self._client = OutboundClient(self._allow)
        return await self._client.request(method, url, **options)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class _KeptLog(logging.Logger):
    """The logger of one context: nobody else has it, so it keeps its lines without a filter."""

    def __init__(self) -> None:
        parent = logging.getLogger("wfcore.testing")
        super().__init__("wfcore.testing.node", min(logging.INFO, parent.getEffectiveLevel()))
        self.parent = parent
        self.lines: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        """Keep the line, and hand it on."""
        self.lines.append(f"{record.levelname} {record.getMessage()}")
        super().handle(record)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))
