"""The server of `wf dev`: what it is made of, and what is said when it can be used."""

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from wfcore.cli.banner import Fact, show_banner
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import outbound_allow
from wfcore.cli.wording import counted, printable
from wfcore.engine.engine import Engine
from wfcore.settings import Settings

__all__ = ["DevServer", "listening"]

_STORE: Final = "sqlite:///.wf/dev.db"
_SERVER_PARTS: Final = ("fastapi", "starlette", "uvicorn")
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/?#\s]*@")

Ready = Callable[[str, Engine], None]


@dataclass(frozen=True, slots=True)
class DevServer:
    """What `wf dev` was asked to serve with."""

    settings: Settings
    places: PluginPlaces
    allow: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    listener: socket.socket | None = None
    """Where it listens, if somebody has begun to already."""

    def run(self, on_ready: Ready) -> None:
        """Serve until a signal; raises what keeps it from starting."""
        options: dict[str, Any] = {"store": _STORE, **self.settings.engine_options()}
        options["registry"] = installed(self.settings, self.places)
        options["outbound_allow"] = outbound_allow(self.settings, self.allow)
        with_server = _server_parts()
        work = with_server.serve(
            options,
            host=self.host,
            port=self.port,
            api_keys=self.settings.api_keys,
            cors_origins=self.settings.cors_origins,
            listener=self.listener,
            on_ready=on_ready,
        )
        try:
            asyncio.run(work)
        except with_server.CannotListen as error:
            raise CommandFailed.single(Exit.USAGE, "usage.address", str(error)) from error

    def announce(self, console: Console, url: str, engine: Engine) -> None:
        """Say where everything is."""
        remark = "Ctrl-C stops; what is open goes on at the next start"
        show_banner(console, "wf dev", remark, self._facts(url, engine), engine.registry)

    def _facts(self, url: str, engine: Engine) -> Sequence[Fact]:
        store = _USER_IN_URL.sub("***@", self.settings.store_url or _STORE)
        allowed = outbound_allow(self.settings, self.allow)
        keys = len(self.settings.api_keys)
        return (
            ("API", Text(url, "bold cyan")),
            ("docs", Text(f"{url}/docs", "cyan")),
            ("store", Text(f"{printable(store)} ({engine.durability})")),
            ("LLM provider", Text(_llm(self.settings))),
            ("HTTP may reach", Text(", ".join(("the internet", *map(printable, allowed))))),
            ("API keys", Text(counted(keys, "key") if keys else "none: it is open to all callers")),
        )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises `CommandFailed`."""
    parts = _server_parts()
    try:
        listener: socket.socket = parts.listen(host, port)
    except parts.CannotListen as error:
        raise CommandFailed.single(Exit.USAGE, "usage.address", str(error)) from error
    return listener


@dataclass(frozen=True, slots=True)
class _ServerParts:
    serve: Any
    listen: Any
    CannotListen: type[Exception]


def _server_parts() -> _ServerParts:
    try:
        # Imported here: an installation without the server extra is told so.
        from wfserver.listening import CannotListen, listen  # noqa: PLC0415
        from wfserver.process import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _SERVER_PARTS:
            raise
        message = "the server is not installed"
        hint = "pip install 'wfcore[server]'"
        raise CommandFailed.single(Exit.USAGE, "server.missing", message, hint) from error
    return _ServerParts(serve, listen, CannotListen)


def _llm(settings: Settings) -> str:
    provider, model = settings.llm_provider, settings.llm_model
    if provider == "echo" or not (provider or model):
        return "echo: offline, no model is called"
    return model or f"{provider}, where a node names a model"
