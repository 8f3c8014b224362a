"""The real engine as test runs use it: in memory, in virtual time, with a cast of its own."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypedDict, Unpack

from wfcore.engine.engine import Engine
from wfcore.engine.retry import RetryDefaults
from wfcore.plugins.contribution import admit_all
from wfcore.plugins.handler import HandlerLike
from wfcore.secrets.source import SecretSource
from wfcore.store.clock import Clock
from wfcore.store.memory import MemoryStore
from wfcore.testing.cast import Cast
from wfcore.testing.virtual_loop import VirtualLoop
from wfcore.workflow.limits import Limits

__all__ = ["CastEngine", "EngineOptions"]

_BEGIN_MS: Final = 1_767_225_600_000
"""What the store's clock shows when virtual time begins: 2026-01-01, 00:00 UTC."""
_IDLE_SECONDS: Final = 600.0
"""Alone with its store, an engine knows what is due next; each look takes real time."""
_A_YEAR: Final = 365 * 24 * 3600.0


class EngineOptions(TypedDict, total=False):
    """Those options of `Engine` that a test run may set; `Engine` says what they mean."""

    discover: bool
    settings: dict[str, str]
    secrets: dict[str, str] | SecretSource
    outbound_allow: Iterable[str]
    limits: Limits
    retry: RetryDefaults
    concurrency: int


class CastEngine(Engine):
    """An engine on a new memory store, whose clock is that of the `VirtualLoop` it is made in.

    `handlers` take the place of installed ones of the same names: the code at hand is what is
    tested. `named` are the handlers that stubbed nodes name, installed or not. `seed` decides what
    an engine draws by lot: jitter, for one.
    """

    def __init__(
        self,
        cast: Cast,
        *,
        handlers: Iterable[HandlerLike] = (),
        plugins: Iterable[object] = (),
        named: Collection[str] = (),
        seed: int = 0,
        **options: Unpack[EngineOptions],
    ) -> None:
        self.memory = MemoryStore(clock=_clock_of(VirtualLoop.running()))
        # Nothing but a handler may take long here: no lease runs out, no hint is lost.
        super().__init__(
            self.memory,
            plugins=plugins,
            lease_seconds=_A_YEAR,
            ready_seconds=_A_YEAR,
            drain_seconds=0.0,
            **options,
        )
        real = {**self.registry.handlers, **admit_all(handlers)}
        played = MappingProxyType(cast.handlers(real, named))
        self.registry = replace(self.registry, handlers=played)
        self._materials = replace(
            self._materials,
            registry=self.registry,
            now=_moments_of(VirtualLoop.running()),
            ticks=VirtualLoop.running().time,
            idle_seconds=_IDLE_SECONDS,
        )
        self._cast = cast
        self._seed = seed

    async def start(self) -> None:
        """Open the engine; its dice are loaded, and the loop's time waits for its threads."""
        await super().start()
        parts = self._parts
        parts.runtime.dice.seed(self._seed)
        parts.runtime.watchers.poll_seconds = _IDLE_SECONDS
        self._cast.threads = parts.threads
        VirtualLoop.running().count_calls(lambda: parts.threads.awaited)


def _moments_of(loop: VirtualLoop) -> Callable[[], datetime]:
    begin = datetime.fromtimestamp(_BEGIN_MS / 1000, UTC)
    return lambda: begin + timedelta(seconds=loop.time())


def _clock_of(loop: VirtualLoop) -> Clock:
    # A timer may fire a rounding error early: what is due by then has to be due here too.
    return lambda: _BEGIN_MS + math.floor(loop.time() * 1000 + 1e-3)
