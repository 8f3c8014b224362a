"""The server process: an engine and its API from start to stop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from wfcore import Engine
from wfserver.app import create_app
from wfserver.listening import address_of, is_loopback, listen
from wfserver.stopping import stop_waiting

__all__ = ["ApiServer", "ReadyCallback", "serve"]

ReadyCallback = Callable[[str, Engine], None]
"""Called once, with the server's URL and its engine, when both can be used."""

_log = logging.getLogger(__name__)
_LAST_ANSWERS_SECONDS: Final = 3
_OPEN_TO_ALL: Final = (
    "anyone who can reach %s:%s can use this server: it wants no key (set APP_API_KEYS)"
)
_OPEN_TO_PAGES: Final = (
    "pages of every web site can use this server: APP_CORS_ORIGINS is * and it wants no key"
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def serve(
    engine_options: Mapping[str, Any],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    api_keys: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    listener: socket.socket | None = None,
    on_ready: ReadyCallback,
) -> None:
    """Serve the API of an engine until SIGINT or SIGTERM, then stop both and return.

    With `api_keys`, requests need one of them. Pages from `cors_origins` may use the API. A
    `listener` that listens already takes the place of `host` and `port`; it is closed in the end.

    Requests get 3 seconds to end, running attempts the engine's `drain_seconds`; what is open goes
    on at the next start. A second signal ends the process at once. Belongs in the main thread.

    Raises `CannotListen`, and what opening the engine raises (`StoreOwned`, `PluginError`, ...).
    """
    # What it has to say, this function and its callback say.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with contextlib.closing(listener or listen(host, port)) as taken:
        _warn_of_openness(taken, api_keys, cors_origins)
        engine = Engine(**engine_options)
        app = create_app(engine, api_keys=api_keys, cors_origins=cors_origins)
        server = ApiServer(app, lambda: on_ready(address_of(taken), engine))
        with _stopped_by_signals(server):
            async with engine:
                await server.serve([taken])


def _warn_of_openness(
    listener: socket.socket, api_keys: Sequence[str], cors_origins: Sequence[str]
) -> None:
    if api_keys:
        return
    if not is_loopback(listener):
        _log.warning(_OPEN_TO_ALL, *listener.getsockname()[:2])
    if "*" in cors_origins:
        _log.warning(_OPEN_TO_PAGES)


class ApiServer(uvicorn.Server):
    """uvicorn for the API, without its own signal handlers.

    Those raise the signal again as soon as the last connection is closed: the process would die
    before its engine is closed.
    """

    def __init__(self, app: FastAPI, on_started: Callable[[], object]) -> None:
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
        self._app = app
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        stop_waiting(self._app)
        await super().shutdown(sockets)

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
