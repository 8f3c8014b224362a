"""The synchronous door: one call runs a workflow, also where an event loop runs already."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from wfcore.engine.engine import Engine
from wfcore.engine.plans import Document
from wfcore.engine.views import Result
from wfcore.outbound.http import UNSET
from wfcore.plugins.handler import HandlerLike

__all__ = ["run", "without_loop"]

T = TypeVar("T")


def run(
    document: Document,
    input: Any = UNSET,
    *,
    handlers: Iterable[HandlerLike] = (),
    **options: Any,
) -> Result:
    """Run a workflow to its end in this process and return its result.

    `options` are those of `Engine`; the store is memory unless one is given. Inside a running event
    loop (a notebook) the execution gets a thread and a loop of its own; the caller's loop waits.

    Raises `DocumentRefused`, and `ExecutionFailed` unless the execution ends COMPLETED.
    """

    async def session() -> Result:
        async with Engine(handlers=handlers, **options) as engine:
            return await engine.run(document, input)

    return without_loop(lambda: asyncio.run(session()))


def without_loop(work: Callable[[], T]) -> T:
    """Do something where no event loop runs: here, or in a thread for which the caller's waits."""
    if not _is_loop_running():
        # Not in an except clause: what is raised in it would seem to come of the missing loop.
        return work()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def call() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=call, name="wf-run")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
