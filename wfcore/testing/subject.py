"""One handler under test, as the only node of a workflow on a real engine."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final

from wfcore.engine.runners import GRACE_SECONDS
from wfcore.engine.sync import without_loop
from wfcore.plugins.config_schema import config_schema
from wfcore.plugins.handler import Handler, secret_keys
from wfcore.problems import Problem
from wfcore.testing.cast import Cast
from wfcore.testing.engine import CastEngine, EngineOptions
from wfcore.testing.virtual_run import in_virtual_time
from wfcore.testing.watched_cast import WatchedCast
from wfcore.testing.workflow_run import WorkflowRun, run_on
from wfcore.workflow.document import Workflow
from wfcore.workflow.input import InputValidator
from wfcore.workflow.limits import Limits

__all__ = ["NODE", "Sealed", "Subject"]

NODE: Final = "tested"
_SHORT_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Sealed:
    """A config whose secret fields name secrets, and the values of these."""

    config: dict[str, Any]
    secrets: dict[str, str]


@dataclass(frozen=True)
class Subject:
    """A handler with an example of its config, and the options of the engine that it needs."""

    handler: Handler
    config: Mapping[str, Any]
    options: EngineOptions

    @property
    def in_thread(self) -> bool:
        """Whether its `run` is synchronous."""
        return not iscoroutinefunction(self.handler.run)

    def document(self, config: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return the workflow whose only node it is; `more` are other fields of the node."""
        given = self.config if config is None else config
        node = {"id": NODE, "handler": self.handler.name, "config": dict(given), **more}
        return {"name": "contract", "dag": {"nodes": [node]}}

    def problems(self, config: Mapping[str, Any]) -> list[Problem]:
        """Return what an engine says against a config when a document with it is submitted."""

        async def session() -> list[Problem]:
            async with self._engine(Cast({})) as engine:
                return await engine.check(self.document(config))

        return without_loop(lambda: in_virtual_time(session))

    def schema_problems(self, value: Any) -> list[Problem]:
        """Return what the JSON Schema of its Config says against a value."""
        schema = json.loads(json.dumps(config_schema(self.handler.Config)))
        return InputValidator(schema, Limits()).problems(value, "")

    def output_problems(self, output: Any) -> list[Problem]:
        """Return what the JSON Schema of its output says against a value."""
        workflow = Workflow.model_validate(self.document())
        schema = self.handler.output_schema(dict(self.config), workflow)
        return [] if schema is None else InputValidator(schema, Limits()).problems(output, "")

    def run(self, cast: Cast, config: Mapping[str, Any] | None = None, **more: Any) -> WorkflowRun:
        """Run the workflow; a failed attempt is not tried again unless `more` says so."""
        node = {"retry": {"max_attempts": 1}, **more}
        document = self.document(config, **node)
        return run_on(lambda: self._engine(cast), cast, document)

    def sealed(self, given: Mapping[str, str]) -> Sealed:
        """Put the example's values of secret fields into secrets, beside those that are given."""
        config, secrets = dict(self.config), dict(given)
        for key in secret_keys(self.handler.Config):
            value = config.get(key)
            if isinstance(value, str) and value and "{{" not in value:
                name = f"CONTRACT_{key}"
                secrets[name] = value
                config[key] = "{{ secrets." + name + " }}"
        return Sealed(config, secrets)

    def with_secrets(self, secrets: dict[str, str]) -> "Subject":
        """Return the same, on an engine that has these secrets."""
        return Subject(self.handler, self.config, {**self.options, "secrets": secrets})

    def ends_when_cancelled(self) -> bool:
        """Cancel the execution as soon as the handler was called; whether it ends in time."""

        async def session() -> bool:
            cast = WatchedCast()
            async with self._engine(cast) as engine:
                execution, _ = await engine.start_execution(self.document())
                await _begun(cast, engine, execution)
                await engine.cancel(execution)
                return await cast.ends_within(GRACE_SECONDS, in_thread=self.in_thread)

        return without_loop(lambda: in_virtual_time(session))

    def ends_at_timeout(self) -> bool:
        """Give the node a very short timeout; whether the handler ends in time after it."""

        async def session() -> bool:
            cast = WatchedCast()
            document = self.document(timeout=_SHORT_SECONDS, retry={"max_attempts": 1})
            async with self._engine(cast) as engine:
                execution, _ = await engine.start_execution(document)
                await _begun(cast, engine, execution)
                await engine.wait(execution)
                return await cast.ends_within(GRACE_SECONDS, in_thread=self.in_thread)

        return without_loop(lambda: in_virtual_time(session))

    def _engine(self, cast: Cast) -> CastEngine:
        options: EngineOptions = {**self.options, "discover": False}
        return CastEngine(cast, handlers=[self.handler], **options)


async def _begun(cast: WatchedCast, engine: CastEngine, execution: str) -> None:
    """Wait until the handler is called, or its execution ends without that."""
    entered = asyncio.ensure_future(cast.entered.wait())
    ended = asyncio.ensure_future(engine.wait(execution))
    await asyncio.wait([entered, ended], return_when=asyncio.FIRST_COMPLETED)
    if not cast.entered.is_set():
        result = ended.result()
        raise AssertionError(f"the handler was never called: {result.message}")
    ended.cancel()
