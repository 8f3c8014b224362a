"""The handlers of a test run: real ones and stubs, each of whose calls is written down."""

import asyncio
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from pydantic import BaseModel, ConfigDict

from wfcore.engine.threads import Threads
from wfcore.errors import PluginError
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler
from wfcore.testing.stub import Stub
from wfcore.workflow.document import Workflow

__all__ = ["Call", "Cast"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a handler, or of the stub in its place.

    `config` is what the document gave, with its templates rendered and as the `Config` made it.
    `at` is when it was made: virtual seconds since the run began.
    """

    node: str
    config: Mapping[str, Any]
    attempt: int
    at: float


class Cast:
    """Who plays which node: the stubs by node id, else the real handlers."""

    def __init__(self, stubs: Mapping[str, Stub]) -> None:
        self._stubs = stubs
        self.calls: list[Call] = []
        self.threads: Threads | None = None
        """Those of the engine, once that is open."""

    def handlers(self, real: Mapping[str, Handler], named: Collection[str]) -> dict[str, Handler]:
        """Return a handler for each real one, and for each other one that stubbed nodes name."""
        played = {name: self._player(name, handler) for name, handler in real.items()}
        missing = [name for name in named if name not in played]
        return played | {name: self._player(name, None) for name in missing}

    def _player(self, name: str, real: Handler | None) -> Handler:
        """Return what the engine takes for the handler: its checks are those of the real one."""
        shown: dict[str, Any] = {"name": name, "Config": _AnyConfig}
        if real is not None:
            shared = ("Config", "Output", "queue", "cpu_bound", "gives_result", "__doc__")
            shown |= {attribute: getattr(real, attribute) for attribute in shared}
        kind = type(f"Played_{name}", (_Player,), shown)
        player: Handler = kind(self, real)
        return player

    async def play(self, real: Handler | None, config: BaseModel, context: NodeContext) -> Any:
        """Write a call down, and do what the node's stub or the real handler does."""
        self._note(config, context)
        stub = self._stubs.get(context.node)
        if stub is not None:
            return await self._stand_in(stub, context)
        if real is None:
            raise PluginError(f"the handler of {context.node!r} is not here, and it has no stub")
        return await self.perform(real, config, context)

    async def perform(self, real: Handler, config: BaseModel, context: NodeContext) -> Any:
        """Call a real handler, as an engine does."""
        if iscoroutinefunction(real.run):
            return await real.run(config, context)
        assert self.threads is not None
        return await self.threads.run(lambda: real.run(config, context))

    def _note(self, config: BaseModel, context: NodeContext) -> None:
        given = config.model_dump(by_alias=True, exclude_unset=True, warnings=False)
        at = asyncio.get_running_loop().time()
        self.calls.append(Call(context.node, given, context.attempt, at))

    async def _stand_in(self, stub: Stub, context: NodeContext) -> Any:
        number = sum(call.node == context.node for call in self.calls)
        if stub.seconds:
            await asyncio.sleep(stub.seconds)
        return deepcopy(stub.answer(number))


class _AnyConfig(BaseModel):
    """The Config of a handler that is not here: nobody knows what it takes."""

    model_config = ConfigDict(extra="allow")


class _Player(Handler):
    """What the engine sees of one handler."""

    def __init__(self, cast: Cast, real: Handler | None) -> None:
        self._cast = cast
        self._real = real

    async def run(self, config: Any, context: NodeContext) -> Any:
        return await self._cast.play(self._real, config, context)

    async def close(self) -> None:
        if self._real is not None:
            await self._real.close()

    # A class method of handlers; here it depends on which handler is played.
    def output_schema(  # type: ignore[override]
        self, config: Mapping[str, Any], workflow: Workflow
    ) -> dict[str, Any] | None:
        return self._real.output_schema(config, workflow) if self._real is not None else None
