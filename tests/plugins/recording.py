"""A context for handlers under test: what it gives is set, what it is told is kept."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wfcore.outbound.client import OutboundClient
from wfcore.plugins.context import HttpClient, NodeContext


@dataclass
class RecordingContext(NodeContext):
    execution_id: str = "11111111-2222-3333-4444-555555555555"
    node: str = "node"
    attempt: int = 1
    idempotency_key: str = "key-of-the-node"
    http: HttpClient = field(default_factory=OutboundClient)
    given_input: Any = field(default_factory=dict)
    given_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    is_cancelled: bool = False
    elapsed: float = 0.0
    notices: list[str] = field(default_factory=list)
    progressed: list[tuple[float | None, str]] = field(default_factory=list)
    emitted: list[tuple[str, Any]] = field(default_factory=list)
    meters: dict[str, float] = field(default_factory=dict)

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger("tests.node")

    async def outputs(self) -> dict[str, dict[str, Any]]:
        return self.given_outputs

    async def input(self) -> Any:
        return self.given_input

    def setting(self, name: str) -> str | None:
        return self.settings.get(name)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def progress(self, fraction: float | None, message: str = "") -> None:
        self.progressed.append((fraction, message))

    def emit(self, kind: str, data: Any) -> None:
        self.emitted.append((kind, data))

    def meter(self, name: str, amount: float) -> None:
        self.meters[name] = self.meters.get(name, 0) + amount

    @property
    def cancelled(self) -> bool:
        return self.is_cancelled


async def run_handler(handler: Any, config: Mapping[str, Any], context: NodeContext) -> Any:
    """Run a handler the way an engine does: validated config in, output object out."""
    from inspect import iscoroutinefunction

    from wfcore.plugins.output import output_object

    validated = handler.Config.model_validate(config)
    if iscoroutinefunction(handler.run):
        return output_object(handler, await handler.run(validated, context))
    return output_object(handler, handler.run(validated, context))
