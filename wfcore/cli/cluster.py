"""`wf server` and `wf worker`: the processes of a cluster."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from wfcore.cli.banner import show_banner
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.logs import log_to
from wfcore.cli.loops import run_in_loop
from wfcore.cli.options import Allowed, PluginFolders, Plugins, outbound_allow
from wfcore.cli.serving import listening
from wfcore.cli.wording import counted
from wfcore.cluster import cluster_options
from wfcore.engine.engine import Engine
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
    plugin_dir: PluginFolders = (),
    allow: Allowed = (),
) -> int:
    """Serve the API of a cluster, until Ctrl-C or SIGTERM."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        options = _options(settings, PluginPlaces(plugin, plugin_dir), allow) | {"worker": False}
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


def worker(*, plugin: Plugins = (), plugin_dir: PluginFolders = (), allow: Allowed = ()) -> int:
    """Run the nodes of a cluster, until Ctrl-C or SIGTERM; then drain."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        options = _options(settings, PluginPlaces(plugin, plugin_dir), allow)
        options["drain_seconds"] = settings.drain_seconds
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


def _options(settings: Settings, places: PluginPlaces, allow: Allowed) -> dict[str, Any]:
    options = cluster_options(settings, installed(settings, places))
    options["outbound_allow"] = outbound_allow(settings, allow)
    return options


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
    show_banner(console, "wf server", "Ctrl-C stops", facts, engine.registry)


def _announce_worker(console: Console, settings: Settings, probes: str, engine: Engine) -> None:
    facts = (
        *_common(engine),
        ("queues", ", ".join(engine.vitals.queues)),
        ("handlers", ", ".join(sorted(engine.registry.handlers))),
        ("concurrency", str(settings.concurrency)),
        ("probes", f"http://{probes}/readyz"),
    )
    show_banner(console, "wf worker", "Ctrl-C drains", facts, engine.registry)


def _common(engine: Engine) -> Sequence[tuple[str, str]]:
    store, bus = engine.vitals.store, engine.vitals.bus
    return (("store", f"{store.name} ({store.durability})"), ("bus", bus.name))
