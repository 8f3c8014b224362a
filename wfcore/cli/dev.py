"""`wf dev`: the API and a worker, on one SQLite file; restarted when plugin files change."""

from functools import partial
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from wfcore.cli.exits import Exit
from wfcore.cli.failure import failures_told
from wfcore.cli.installed import PluginPlaces
from wfcore.cli.logs import log_to
from wfcore.cli.options import Allowed, PluginFolders, Plugins, outbound_allow
from wfcore.cli.reloading import Supervisor
from wfcore.cli.serving import DevServer, listening
from wfcore.cli.watched import watched_files
from wfcore.settings import Settings

__all__ = ["dev"]


def dev(
    *,
    host: Annotated[str, Parameter(help="Where to listen; 127.0.0.1 unless given.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="8000 unless given; 0: a free one.")
    ] = 8000,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    allow: Allowed = (),
    reload: Annotated[
        bool | None,
        Parameter(
            negative="--no-reload",
            help="Restart when plugin files change; so it is where a file or folder is given.",
        ),
    ] = None,
) -> int:
    """Serve the API and run what it is given, until Ctrl-C."""
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        places = PluginPlaces(plugin, plugin_dir)
        folders = settings.discovery(plugin_dir).folders
        reloads = bool(plugin or folders) if reload is None else reload
        if reloads:
            outbound_allow(settings, allow)
            look = partial(watched_files, plugin, folders)
            # Before it listens: a file that is not there ends it at once.
            look()
            with listening(host, port) as listener:
                return Supervisor(console, look, listener, places, allow).run()
        server = DevServer(settings, places, allow, host, port)
        server.run(lambda url, engine: server.announce(console, url, engine))
    return Exit.OK
