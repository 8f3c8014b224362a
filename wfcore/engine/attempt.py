"""One attempt of one node: judge, render, validate, run the handler, encode what it returned."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from pydantic import BaseModel

from wfcore.engine.context import AttemptContext, Surroundings
from wfcore.engine.decide import Completed, Failed, Outcome, Skipped, verdict
from wfcore.engine.failure import failure_of, release_of
from wfcore.engine.middlewares import through
from wfcore.engine.opened import OpenExecution
from wfcore.engine.plan import PlanNode
from wfcore.engine.plans import json_text
from wfcore.engine.runners import GRACE_SECONDS, Runner
from wfcore.engine.threads import Threads
from wfcore.engine.unsealed import Unsealed, unseal
from wfcore.errors import Deferred, ErrorRecord, NodeError
from wfcore.outbound.bound import BoundClient
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import HttpClient
from wfcore.plugins.config import config_of
from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.secrets.log import mask_logs
from wfcore.secrets.redactor import Redactor
from wfcore.secrets.source import SecretSource
from wfcore.store.contract import Lease
from wfcore.templating import Compiled, RenderError, Scope
from wfcore.templating.scope import SECRETS
from wfcore.workflow.states import NodeState

__all__ = ["Attempt", "Workshop", "encoded_output"]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What attempts need of their engine."""

    registry: Registry
    threads: Threads
    http: OutboundClient
    secrets: SecretSource
    around: Surroundings
    max_output_bytes: int
    runners: Mapping[str, Runner]
    """By the names of the handlers."""


class Attempt:
    """A leased attempt. `interrupt` ends it from outside, started or not, with its own outcome."""

    def __init__(self, lease: Lease, workshop: Workshop) -> None:
        self.lease = lease
        self.interruption: Outcome | None = None
        self.abandoned = False
        self.context: AttemptContext | None = None
        self.opened: OpenExecution | None = None
        self._workshop = workshop
        self._unsealed: Unsealed | None = None
        self.task: asyncio.Task[Any] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._on_abandon: Callable[[Attempt], None] | None = None
        self._since = monotonic()

    @property
    def took(self) -> float:
        """Seconds since it was leased."""
        return monotonic() - self._since

    @property
    def meters(self) -> Mapping[str, float] | None:
        """A copy of what it has used so far: an abandoned handler may go on counting."""
        return dict(self.context.meters) if self.context is not None else None

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
        self.task = asyncio.current_task()
        self._on_abandon = on_abandon
        if node.timeout is not None:
            self._call_later(node.timeout, self.interrupt, Failed(_timed_out(node)))
        try:
            reached = await self._perform(node)
        except asyncio.CancelledError:
            reached = self._after_cancellation()
        finally:
            self._leave()
        return self.final(reached)

    def interrupt(self, outcome: Outcome) -> None:
        """End the attempt with this outcome, unless it is ending already."""
        if self.interruption is not None:
            return
        self.interruption = outcome
        if self.context is not None:
            self.context.stopped = True
        if self.task is not None:
            self.task.cancel()
            self._call_later(GRACE_SECONDS, self._abandon)

    def _call_later(self, seconds: float, callback: Callable[..., None], *args: Any) -> None:
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds, callback, *args))

    def _abandon(self) -> None:
        if self.task is not None and self._on_abandon is not None:
            self.abandoned = True
            self._on_abandon(self)

    def _leave(self) -> None:
        """From here on nothing can interrupt; the task forgets that it was told to end."""
        if self.task is not None and self.interruption is not None:
            while self.task.cancelling():
                self.task.uncancel()
        self.task = None
        for timer in self._timers:
            timer.cancel()

    def final(self, reached: Outcome) -> Outcome:
        """Return what counts: an interruption, whatever the handler made of it, or the outcome."""
        outcome = self.interruption or reached
        if isinstance(outcome, Failed):
            lines = self.context.log_lines if self.context is not None else []
            return outcome._replace(took=self.took, log=tuple(lines))
        return outcome

    def _after_cancellation(self) -> Outcome:
        if self.interruption is not None:
            return self.interruption
        if self.task is not None and self.task.cancelling():
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
        if (reused := await self._reused(node)) is not None:
            return reused
        if _is_too_late(node, lease):
            return Failed(_too_late(node))
        try:
            return await self._run(node)
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except Deferred as later:
            lines = self.context.log_lines if self.context is not None else []
            return release_of(later, lines, self._redactor)
        except BaseException as error:
            if isinstance(error, GeneratorExit) and not self._is_running():
                raise
            return failure_of(error, self._redactor)

    async def _reused(self, node: PlanNode) -> Completed | None:
        """Take over what the node gave in the execution that this one is a retry of."""
        assert self.opened is not None
        reuse = self.opened.reuse
        if reuse is None or node.key in reuse.anew:
            return None
        _, found = await self._workshop.around.outcomes.read_one(reuse.source, node.key)
        before = found.result
        if before.state is not NodeState.COMPLETED or before.output is None:
            return None
        detail = json_text({"reused": reuse.source})
        return Completed(before.output, reuse.notice(node.position), detail)

    @property
    def _redactor(self) -> Redactor | None:
        return self._unsealed.redactor if self._unsealed is not None else None

    def _is_running(self) -> bool:
        """Whether this attempt's task runs, rather than being thrown away with its loop."""
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:
            return False

    async def _run(self, node: PlanNode) -> Outcome:
        scope = await self._scope(node)
        if node.when is not None:
            answer = await self._render(node, node.when, scope)
            if answer is not True and answer is not False:
                raise NodeError("TemplateError", f"when gave {_kind(answer)}, not true or false")
            if answer is False:
                return Skipped("when is false")
        handler = self._workshop.registry.handlers[node.handler]
        if node.secrets:
            scope = await self._unseal(node, scope)
        rendered = await self._render(node, node.config, scope)
        context = self.context = self._new_context(config_of(handler, rendered))
        given = await self._called(handler, rendered, context)
        most, redactor = self._workshop.max_output_bytes, self._redactor
        if redactor is None:
            output = encoded_output(handler, given, most, None)
        else:
            # Searching a megabyte for secrets takes a while.
            output = await self._workshop.threads.run(
                lambda: encoded_output(handler, given, most, redactor)
            )
        lines = context.log_lines
        detail = json_text({"log": lines}) if lines else None
        return Completed(output, context.notice_text, detail)

    async def _unseal(self, node: PlanNode, scope: Scope) -> Scope:
        """Read the secrets that the config names; from here on this attempt masks them."""
        source = self._workshop.secrets
        unsealed = await self._workshop.threads.run(lambda: unseal(source, node.secrets))
        self._unsealed = unsealed
        mask_logs(unsealed.values.values())
        return Scope({**scope.names, SECRETS: dict(unsealed.values)})

    def _new_context(self, config: BaseModel) -> AttemptContext:
        workshop = self._workshop
        assert self.opened is not None
        http: HttpClient = workshop.http
        if self._unsealed is not None and self._unsealed.bounds:
            http = BoundClient(workshop.http, self._unsealed.bounds)
        return AttemptContext(
            self.lease,
            self.opened,
            workshop.around,
            http,
            self._redactor,
            config,
        )

    async def _scope(self, node: PlanNode) -> Scope:
        names: dict[str, Any] = {}
        if node.needs:
            outcomes, lease = self._workshop.around.outcomes, self.lease
            names.update(await outcomes.views(lease.execution, lease.number, node.needs))
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

    async def _called(
        self, handler: Handler, rendered: Any, context: AttemptContext
    ) -> dict[str, Any]:
        """Return the output that the handler gives, through the plugins' middlewares."""
        runner = self._workshop.runners[handler.name]
        middlewares = self._workshop.registry.middlewares
        if not middlewares:
            return await runner.run(handler, rendered, context)

        async def run() -> dict[str, Any]:
            return await runner.run(handler, rendered, context)

        return await through(middlewares, handler, context, run)


def encoded_output(
    handler: Handler, output: dict[str, Any], max_bytes: int, redactor: Redactor | None
) -> str:
    """Return the JSON text of a handler's output.

    Raises:
        NodeError: `InvalidOutput`, `OutputTooLarge`.

    """
    try:
        if redactor is not None:
            output = redactor.output(output)
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


def _is_too_late(node: PlanNode, lease: Lease) -> bool:
    if lease.attempt == 1 or node.retry is None or node.retry.total_timeout is None:
        return False
    return lease.age_ms > node.retry.total_timeout * 1000


def _too_late(node: PlanNode) -> ErrorRecord:
    assert node.retry is not None
    message = f"no attempt starts after the total timeout of {node.retry.total_timeout:g} s"
    return ErrorRecord(type="Timeout", message=message, retryable=False)


def _kind(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]
