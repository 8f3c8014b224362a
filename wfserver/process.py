"""The server process: an engine and its API from start to stop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from wfcore import Engine
from wfserver.app import create_app
from wfserver.listening import address_of, listen

__all__ = ["ApiServer", "ReadyCallback", "serve"]

ReadyCallback = Callable[[str, Engine], None]
"""Called once, with the server's URL and its engine, when both can be used."""

_log = logging.getLogger(__name__)
_LAST_ANSWERS_SECONDS: Final = 3
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def serve(
    engine_options: Mapping[str, Any],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_ready: ReadyCallback,
) -> None:
    """Serve the API of an engine until SIGINT or SIGTERM, then stop both and return.

    Requests get 3 seconds to end, running attempts the engine's `drain_seconds`; what is open goes
    on at the next start. A second signal ends the process at once. Belongs in the main thread.

    Raises `CannotListen`, and what opening the engine raises (`StoreOwned`, `PluginError`, ...).
    """
    # What it has to say, this function and its callback say.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with contextlib.closing(listen(host, port)) as listener:
        engine = Engine(**engine_options)
        server = ApiServer(create_app(engine), lambda: on_ready(address_of(listener), engine))
        with _stopped_by_signals(server):
            async with engine:
                await server.serve([listener])


class ApiServer(uvicorn.Server):
    """uvicorn for the API, without its own signal handlers.

    Those raise the signal again as soon as the last connection is closed: the process would die
    before its engine is closed.
    """

    def __init__(self, app: ASGIApp, on_started: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
            )
        )
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    def stop(number: signal.Signals) -> None:
        if server.should_exit:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        server.should_exit = True
        _log.info("stopping (%s); once more stops at once", number.name)

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
