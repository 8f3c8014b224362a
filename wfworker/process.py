"""The worker process: an engine that runs nodes, from start to drain."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import uvicorn

from wfcore import Engine
from wfworker.probes import probes

__all__ = ["ReadyCallback", "work"]

ReadyCallback = Callable[[Engine], None]
"""Called once, when the worker takes nodes."""

_log = logging.getLogger(__name__)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def work(
    engine_options: Mapping[str, Any], listener: socket.socket, on_ready: ReadyCallback
) -> None:
    """Run nodes until SIGINT or SIGTERM, then drain.

    Draining takes nothing more, lets running attempts end within the engine's `drain_seconds`, and
    gives back the rest at once without charging an attempt. A second signal ends the process as it
    is. Probes are answered on `listener` to the end. Belongs in the main thread.

    Raises what opening the engine raises.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    engine = Engine(**engine_options)
    stop = asyncio.Event()
    server = _ProbeServer(
        uvicorn.Config(
            probes(engine, stop.is_set),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    with _told_by_signals(stop):
        async with engine:
            answering = asyncio.create_task(server.serve([listener]))
            on_ready(engine)
            await stop.wait()
        server.should_exit = True
        await answering


class _ProbeServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _told_by_signals(stop: asyncio.Event) -> Iterator[None]:
    def take(number: signal.Signals) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()
        _log.info("draining (%s); once more stops at once", number.name)

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, take, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
