"""`wf server` and `wf worker`: the processes of a cluster."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.logs import log_to
from wfcore.cli.loops import run_in_loop
from wfcore.cli.options import Allowed, Plugins, outbound_allow
from wfcore.cli.serving import listening
from wfcore.cli.wording import counted, printable
from wfcore.cluster import cluster_options
from wfcore.engine.engine import Engine
from wfcore.plugins.file import load_file
from wfcore.settings import Settings

__all__ = ["server", "worker"]

_PARTS: Final = ("prometheus_client", "starlette", "uvicorn")


def server(
    *,
    host: Annotated[str, Parameter(help="Where to listen; 127.0.0.1 unless given.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="8000 unless given; 0: a free one.")
    ] = 8000,
    plugin: Plugins = (),
    allow: Allowed = (),
) -> int:
    """Serve the API of a cluster, until Ctrl-C or SIGTERM."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        options = _options(settings, plugin, allow) | {"worker": False}
        serve = _part("wfserver.process", "serve")
        work = serve(
            options,
            host=host,
            port=port,
            api_keys=settings.api_keys,
            cors_origins=settings.cors_origins,
            listener=listening(host, port),
            on_ready=lambda url, engine: _announce_server(console, settings, url, engine),
        )
        run_in_loop(work)
    return Exit.OK


def worker(*, plugin: Plugins = (), allow: Allowed = ()) -> int:
    """Run the nodes of a cluster, until Ctrl-C or SIGTERM; then drain."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        options = _options(settings, plugin, allow) | {"drain_seconds": settings.drain_seconds}
        work = _part("wfworker.process", "work")
        with listening(settings.probe_host, settings.probe_port) as listener:
            host, port = listener.getsockname()[:2]
            run_in_loop(
                work(
                    options,
                    listener,
                    lambda engine: _announce_worker(console, settings, f"{host}:{port}", engine),
                )
            )
    return Exit.OK


def _options(settings: Settings, plugin: Plugins, allow: Allowed) -> dict[str, Any]:
    return cluster_options(settings) | {
        "plugins": [load_file(path) for path in plugin],
        "outbound_allow": outbound_allow(settings, allow),
    }


def _part(module: str, name: str) -> Any:
    """Import what an extra brings; a missing one is named."""
    try:
        return getattr(__import__(module, fromlist=[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in (*_PARTS, "fastapi"):
            raise
        message = f"{error.name} is not installed"
        hint = "pip install 'wfcore[all]'"
        raise CommandFailed.single(Exit.USAGE, "server.missing", message, hint) from error


def _announce_server(console: Console, settings: Settings, url: str, engine: Engine) -> None:
    keys = len(settings.api_keys)
    facts = (
        ("API", url),
        ("docs", f"{url}/docs"),
        *_common(engine),
        ("API keys", counted(keys, "key") if keys else "none: it is open to all callers"),
    )
    _announce(console, "wf server", "Ctrl-C stops", facts, engine)


def _announce_worker(console: Console, settings: Settings, probes: str, engine: Engine) -> None:
    facts = (
        *_common(engine),
        ("queues", ", ".join(engine.vitals.queues)),
        ("handlers", ", ".join(sorted(engine.registry.handlers))),
        ("concurrency", str(settings.concurrency)),
        ("probes", f"http://{probes}/readyz"),
    )
    _announce(console, "wf worker", "Ctrl-C drains", facts, engine)


def _common(engine: Engine) -> Sequence[tuple[str, str]]:
    store, bus = engine.vitals.store, engine.vitals.bus
    return (("store", f"{store.name} ({store.durability})"), ("bus", bus.name))


def _announce(
    console: Console, title: str, remark: str, facts: Sequence[tuple[str, str]], engine: Engine
) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in facts:
        table.add_row(name, Text(printable(value)))
    console.print()
    console.print(Text(title, "bold"), Text(remark, "dim"))
    console.print(table)
    for report in engine.registry.reports:
        if report.status == "broken":
            line = f"plugin {report.origin} is broken and left out: {report.error}"
            console.print(Text(printable(line), "yellow"), soft_wrap=True)
    console.print()
