"""One attempt of one node: judge, render, validate, run the handler, encode what it returned."""

import asyncio
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from wfcore.engine.context import AttemptContext
from wfcore.engine.decide import Completed, Failed, Outcome, Skipped, verdict
from wfcore.engine.opened import OpenExecution
from wfcore.engine.outcomes import Outcomes
from wfcore.engine.plan import PlanNode
from wfcore.engine.plans import json_text
from wfcore.engine.threads import Threads
from wfcore.errors import ErrorRecord, NodeError
from wfcore.outbound.http import HttpClient
from wfcore.plugins.handler import Handler
from wfcore.plugins.output import output_object
from wfcore.plugins.registry import Registry
from wfcore.store.contract import Lease
from wfcore.templating import Compiled, RenderError, Scope
from wfcore.workflow.states import NodeState

__all__ = ["GRACE_SECONDS", "Attempt", "Workshop"]

GRACE_SECONDS: Final = 2.0
"""How long an attempt that was told to end may take before its slot is given to another."""

_LONGEST_MESSAGE: Final = 2_000
_TRACEBACK_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Workshop:
    """What attempts need of their engine."""

    registry: Registry
    outcomes: Outcomes
    threads: Threads
    http: HttpClient
    settings: Mapping[str, str]
    max_output_bytes: int
    asynchronous: frozenset[str]
    """The handlers whose `run` is `async def`; the others get threads."""


class Attempt:
    """A leased attempt. `interrupt` ends it from outside, started or not, with its own outcome."""

    def __init__(self, lease: Lease, workshop: Workshop) -> None:
        self.lease = lease
        self.interruption: Outcome | None = None
        self.abandoned = False
        self.context: AttemptContext | None = None
        self.opened: OpenExecution | None = None
        self._workshop = workshop
        self._task: asyncio.Task[Any] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._on_abandon: Callable[[Attempt], None] | None = None

    async def outcome(
        self, opened: OpenExecution, on_abandon: "Callable[[Attempt], None]"
    ) -> Outcome:
        """Run to the outcome.

        Where the handler does not end within the grace after an interruption, `on_abandon` is
        called with this attempt; what is returned later is of no interest then.
        """
        if self.interruption is not None:
            return self.interruption
        node = opened.plan.nodes[self.lease.key]
        self.opened = opened
        self._task = asyncio.current_task()
        self._on_abandon = on_abandon
        if node.timeout is not None:
            self._call_later(node.timeout, self.interrupt, Failed(_timed_out(node)))
        try:
            reached = await self._perform(node)
        except asyncio.CancelledError:
            reached = self._after_cancellation()
        finally:
            self._leave()
        return self._final(reached)

    def interrupt(self, outcome: Outcome) -> None:
        """End the attempt with this outcome, unless it is ending already."""
        if self.interruption is not None:
            return
        self.interruption = outcome
        if self.context is not None:
            self.context.stopped = True
        if self._task is not None:
            self._task.cancel()
            self._call_later(GRACE_SECONDS, self._abandon)

    def _call_later(self, seconds: float, callback: Callable[..., None], *args: Any) -> None:
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds, callback, *args))

    def _abandon(self) -> None:
        if self._task is not None and self._on_abandon is not None:
            self.abandoned = True
            self._on_abandon(self)

    def _leave(self) -> None:
        """From here on nothing can interrupt; the task forgets that it was told to end."""
        if self._task is not None and self.interruption is not None:
            while self._task.cancelling():
                self._task.uncancel()
        self._task = None
        for timer in self._timers:
            timer.cancel()

    def _final(self, reached: Outcome) -> Outcome:
        """Return what counts: an interruption, whatever the handler made of it, or the outcome."""
        return self.interruption or reached

    def _after_cancellation(self) -> Outcome:
        if self.interruption is not None:
            return self.interruption
        if self._task is not None and self._task.cancelling():
            raise asyncio.CancelledError
        # The handler let a cancellation of its own doing escape.
        return Failed(
            ErrorRecord(type="CancelledError", message="the handler was cancelled", retryable=True)
        )

    async def _perform(self, node: PlanNode) -> Outcome:
        lease = self.lease
        refusal = verdict(node, lease.ok, lease.failed)
        if refusal is not None:
            return Skipped(refusal)
        try:
            return await self._run(node)
        except NodeError as error:
            return Failed(_shortened(error.record()), error.retry_after)
        except SystemExit as error:
            return Failed(_from_exception(error))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its node's error
            return Failed(_from_exception(error))

    async def _run(self, node: PlanNode) -> Outcome:
        scope = await self._scope(node)
        if node.when is not None:
            answer = await self._render(node, node.when, scope)
            if answer is not True and answer is not False:
                raise NodeError("TemplateError", f"when gave {_kind(answer)}, not true or false")
            if answer is False:
                return Skipped("when is false")
        handler = self._workshop.registry.handlers[node.handler]
        rendered = await self._render(node, node.config, scope)
        config = _validated(handler, rendered)
        context = self.context = self._new_context()
        returned = await self._call(handler, config, context)
        output = _encoded(handler, returned, self._workshop.max_output_bytes)
        lines = context.log_lines
        detail = json_text({"log": lines}) if lines else None
        return Completed(output, context.notice_text, detail)

    def _new_context(self) -> AttemptContext:
        workshop = self._workshop
        assert self.opened is not None
        return AttemptContext(
            self.lease, self.opened, workshop.outcomes, workshop.http, workshop.settings
        )

    async def _scope(self, node: PlanNode) -> Scope:
        names: dict[str, Any] = {}
        if node.needs:
            found = await self._workshop.outcomes.read(self.lease.execution, node.needs)
            names = {key: outcome.view for key, outcome in found.items()}
        if node.needs_execution:
            assert self.opened is not None
            names["execution"] = self.opened.view()
        return Scope(names)

    async def _render(self, node: PlanNode, compiled: Compiled, scope: Scope) -> Any:
        try:
            if compiled.heavy:
                return await self._workshop.threads.run(lambda: compiled.render(scope))
            return compiled.render(scope)
        except RenderError as error:
            error.message += _whereabouts(node, scope)
            raise

    async def _call(self, handler: Handler, config: BaseModel, context: AttemptContext) -> Any:
        if handler.name in self._workshop.asynchronous:
            return await handler.run(config, context)
        return await self._workshop.threads.run(lambda: handler.run(config, context))


def _validated(handler: Handler, rendered: Any) -> BaseModel:
    try:
        return handler.Config.model_validate(rendered)
    except ValidationError as error:
        wrong = [
            f"/{'/'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        message = f"the rendered config does not fit {handler.name}: {'; '.join(wrong[:5])}"
        raise NodeError("InvalidConfig", message) from error


def _encoded(handler: Handler, returned: Any, max_bytes: int) -> str:
    output = output_object(handler, returned)
    try:
        text = json_text(output)
        size = len(text) if text.isascii() else len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        message = f"handler {handler.name!r} returned what is not JSON: {error}"
        raise NodeError("InvalidOutput", message) from error
    if size > max_bytes:
        message = f"the output has {size} bytes, more than APP_MAX_OUTPUT_BYTES ({max_bytes})"
        raise NodeError("OutputTooLarge", message)
    return text


def _whereabouts(node: PlanNode, scope: Scope) -> str:
    """Say which of the nodes that a failed template names did not complete."""
    states = {key: _state(scope.names.get(key)) for key in node.needs}
    open_ones = [f"{key} is {state}" for key, state in states.items() if state != "COMPLETED"]
    return f" ({', '.join(open_ones[:3])})" if open_ones else ""


def _state(view: Any) -> str:
    return str(view["state"]) if isinstance(view, dict) else str(NodeState.PENDING)


def _timed_out(node: PlanNode) -> ErrorRecord:
    message = f"the attempt took longer than its timeout of {node.timeout:g} s"
    return ErrorRecord(type="Timeout", message=message, retryable=True)


def _from_exception(error: BaseException) -> ErrorRecord:
    frames = traceback.format_exception(error)
    tail = "".join(frames).splitlines()[-_TRACEBACK_LINES:]
    record = ErrorRecord(
        type=type(error).__name__,
        message=str(error) or type(error).__name__,
        retryable=True,
        details={"traceback": tail},
    )
    return _shortened(record)


def _shortened(record: ErrorRecord) -> ErrorRecord:
    """Return a record that can be stored whatever a handler put into it."""
    record["message"] = record["message"].encode(errors="replace").decode()[:_LONGEST_MESSAGE]
    if "details" in record:
        try:
            text = json_text(record["details"])
            text.encode()
        except (TypeError, ValueError, RecursionError):
            record["details"] = repr(record["details"])[:_LONGEST_MESSAGE]
        else:
            if len(text) > 4 * _LONGEST_MESSAGE:
                record["details"] = text[:_LONGEST_MESSAGE]
    return record


def _kind(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]
