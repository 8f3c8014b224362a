"""Where handlers run: one runner for each, chosen when the engine is put together."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any, Final, Protocol, cast

from wfcore.engine.context import AttemptContext
from wfcore.engine.threads import Threads
from wfcore.engine.visiting import VisitingContext
from wfcore.isolation.order import Order
from wfcore.isolation.origin import Origin
from wfcore.isolation.placement import Placement
from wfcore.isolation.pool import ProcessPool
from wfcore.outbound.bound import BoundClient
from wfcore.plugins.handler import Handler
from wfcore.plugins.output import output_object

__all__ = ["GRACE_SECONDS", "Runner", "runners_of"]

GRACE_SECONDS: Final = 2.0
"""How long an attempt that was told to end may take before its slot is given to another."""

# A process is killed before its attempt counts as abandoned: nothing of it is left behind.
_KILL_SECONDS: Final = 0.75 * GRACE_SECONDS


class Runner(Protocol):
    """Calls a handler for one attempt, somewhere."""

    async def run(self, handler: Handler, rendered: Any, context: AttemptContext) -> dict[str, Any]:
        """Return the output object; raises what the handler raises.

        The context has the config. Another process makes its own of the rendered one.
        """
        ...


def runners_of(
    handlers: Mapping[str, Handler], placement: Placement, threads: Threads, pool: ProcessPool
) -> dict[str, Runner]:
    """Return the runner of each handler, by name."""
    on_loop, in_thread, on_own_loop = _OnLoop(), _InThread(threads), _OnOwnLoop(threads)

    def chosen(name: str, handler: Handler) -> Runner:
        level = placement.levels.get(name, "task")
        if level == "process":
            return _InProcess(pool, placement.origins[name])
        if not iscoroutinefunction(handler.run):
            return in_thread
        return on_own_loop if level == "thread" else on_loop

    return {name: chosen(name, handler) for name, handler in handlers.items()}


class _OnLoop:
    """An `async def` on the engine's event loop."""

    async def run(
        self,
        handler: Handler,
        rendered: Any,  # noqa: ARG002 - the context has the config that was made of it
        context: AttemptContext,
    ) -> dict[str, Any]:
        return output_object(handler, await handler.run(context.config, context))


class _InThread:
    """A `def` in a thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def run(
        self,
        handler: Handler,
        rendered: Any,  # noqa: ARG002 - the context has the config that was made of it
        context: AttemptContext,
    ) -> dict[str, Any]:
        config = context.config
        return await self._threads.run(lambda: output_object(handler, handler.run(config, context)))


class _OnOwnLoop:
    """An `async def` on an event loop of its own, in a thread: what blocks it blocks only it."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def run(
        self,
        handler: Handler,
        rendered: Any,  # noqa: ARG002 - the context has the config that was made of it
        context: AttemptContext,
    ) -> dict[str, Any]:
        config = context.config
        visiting = VisitingContext(context, asyncio.get_running_loop())
        elsewhere = _Elsewhere(lambda: handler.run(config, visiting))
        returned = await elsewhere.run(self._threads)
        return output_object(handler, returned)


class _Elsewhere:
    """One coroutine on a loop of its own."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._make = make
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def run(self, threads: Threads) -> Any:
        """Run it; where this is cancelled, that is too, and its end is waited for."""
        thread = asyncio.ensure_future(threads.run(self._outcome))
        try:
            await asyncio.wait({thread})
        except asyncio.CancelledError:
            self._stop()
            try:
                await asyncio.wait({thread})
            finally:
                # Cancelled once more: nobody waits for it any longer.
                thread.cancel()
            raise
        returned, error = thread.result()
        if error is not None:
            raise error
        return returned

    def _outcome(self) -> tuple[Any, BaseException | None]:
        """What a handler raises is handed over by hand: SystemExit in a task ends its loop."""
        try:
            return asyncio.run(self._work()), None
        except BaseException as error:  # noqa: BLE001 - raised again in the attempt
            return None, error

    async def _work(self) -> Any:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._stopped:
            raise asyncio.CancelledError
        return await self._make()

    def _stop(self) -> None:
        self._stopped = True
        if self._loop is not None and self._task is not None:
            # Closed: it has just ended by itself.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)


class _InProcess:
    """Either kind in a process of the pool."""

    def __init__(self, pool: ProcessPool, origin: Origin) -> None:
        self._pool = pool
        self._origin = origin

    async def run(self, handler: Handler, rendered: Any, context: AttemptContext) -> dict[str, Any]:
        http = context.http
        bounds = http.bounds if isinstance(http, BoundClient) else {}
        order = Order.of(handler.name, rendered, context, bounds)
        output = await self._pool.run(self._origin, order, context, _KILL_SECONDS)
        return cast("dict[str, Any]", output)
