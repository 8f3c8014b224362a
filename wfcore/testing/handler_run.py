"""One handler called as an engine calls it, without the engine."""

import json
from collections.abc import Mapping
from inspect import iscoroutinefunction
from typing import Any

from wfcore.engine.attempt import encoded_output
from wfcore.engine.configs import ConfigRules
from wfcore.engine.counters import Counters
from wfcore.engine.threads import Threads
from wfcore.errors import NodeError
from wfcore.plugins.admission import admit
from wfcore.plugins.config import config_of
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler, HandlerLike
from wfcore.plugins.output import output_object
from wfcore.testing.context import FakeContext
from wfcore.workflow.findings import Findings
from wfcore.workflow.limits import Limits

__all__ = ["run_handler"]


async def run_handler(
    handler: HandlerLike,
    config: Mapping[str, Any] | None = None,
    context: NodeContext | None = None,
    *,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Run a handler once, as an engine does, and return its output.

    The handler has to be one that can be registered. `config` is the node's, as it is after its
    templates were rendered: unknown keys are refused, the rest is made a `Config`. A synchronous
    `run` gets a thread. What it returns is made the output object, held to `Output` where there is
    one, and has to be JSON within the `limits`. What a `FakeContext` opened of its own HTTP client
    is closed at the end.

    Raises:
        PluginError: no engine would take the handler.
        NodeError: `InvalidConfig`, `InvalidOutput`, `OutputTooLarge`, or what the handler raised.

    """
    admitted = admit(handler)
    bounds = limits or Limits()
    given = dict(config or {})
    _check_keys(admitted, given, bounds)
    validated = config_of(admitted, given)
    seen = context if context is not None else FakeContext()
    if isinstance(seen, FakeContext):
        seen.handler, seen.config = admitted.name, validated
    try:
        returned = await _called(admitted, validated, seen)
    finally:
        if isinstance(seen, FakeContext):
            await seen.close()
    given_out = output_object(admitted, returned)
    output: dict[str, Any] = json.loads(
        encoded_output(admitted, given_out, bounds.max_output_bytes, None)
    )
    return output


def _check_keys(handler: Handler, config: Mapping[str, Any], limits: Limits) -> None:
    """Refuse what a document would be refused for when it is submitted."""
    findings = Findings(limits.max_problems)
    ConfigRules(handler).check(config, (), "", findings)
    problems = findings.problems(config)
    if problems:
        message = f"the config does not fit {handler.name}: "
        raise NodeError("InvalidConfig", message + "; ".join(str(each) for each in problems))


async def _called(handler: Handler, config: Any, context: NodeContext) -> Any:
    if iscoroutinefunction(handler.run):
        return await handler.run(config, context)
    threads = Threads(Counters())
    try:
        return await threads.run(lambda: handler.run(config, context))
    finally:
        threads.close()
