"""`wf dev`: the API and a worker in one process, on one SQLite file."""

import asyncio
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.logs import log_to
from wfcore.cli.options import Allowed, Plugins, outbound_allow
from wfcore.cli.wording import printable
from wfcore.engine.engine import Engine
from wfcore.plugins.file import load_file
from wfcore.settings import Settings

__all__ = ["dev"]

_STORE: Final = "sqlite:///.wf/dev.db"
_SERVER_PARTS: Final = ("fastapi", "starlette", "uvicorn")


def dev(
    *,
    host: Annotated[str, Parameter(help="Where to listen; 127.0.0.1 unless given.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="8000 unless given; 0: a free one.")
    ] = 8000,
    plugin: Plugins = (),
    allow: Allowed = (),
) -> int:
    """Serve the API and run what it is given, until Ctrl-C."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        options: dict[str, Any] = {"store": _STORE, **settings.engine_options()}
        options["plugins"] = [load_file(path) for path in plugin]
        options["outbound_allow"] = outbound_allow(settings, allow)

        def announce(url: str, engine: Engine) -> None:
            _announce(console, url, str(options["store"]), _llm(settings), engine)

        doors = {"api_keys": settings.api_keys, "cors_origins": settings.cors_origins}
        _serve(options, host, port, announce, doors)
    return Exit.OK


def _serve(
    options: dict[str, Any], host: str, port: int, announce: Any, doors: dict[str, Any]
) -> None:
    try:
        # Imported here: an installation without the server extra is told so.
        from wfserver.listening import CannotListen  # noqa: PLC0415
        from wfserver.process import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _SERVER_PARTS:
            raise
        message = "the server is not installed"
        hint = "pip install 'wfcore[server]'"
        raise CommandFailed.single(Exit.USAGE, "server.missing", message, hint) from error
    try:
        asyncio.run(serve(options, host=host, port=port, on_ready=announce, **doors))
    except CannotListen as error:
        raise CommandFailed.single(Exit.USAGE, "usage.address", str(error)) from error


def _llm(settings: Settings) -> str:
    provider, model = settings.llm_provider, settings.llm_model
    if provider == "echo" or not (provider or model):
        return "echo: offline, no model is called"
    return model or f"{provider}, where a node names a model"


def _announce(console: Console, url: str, store: str, llm: str, engine: Engine) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("API", Text(url, "bold cyan"))
    facts.add_row("docs", Text(f"{url}/docs", "cyan"))
    facts.add_row("store", Text(f"{store} ({engine.durability})"))
    facts.add_row("LLM provider", Text(llm))
    console.print()
    console.print(
        Text("wf dev", "bold"), Text("Ctrl-C stops; what is open goes on at the next start", "dim")
    )
    console.print(facts)
    for report in engine.registry.reports:
        if report.status == "broken":
            line = f"plugin {report.origin} is broken and left out: {report.error}"
            console.print(Text(printable(line), "yellow"), soft_wrap=True)
    console.print()
