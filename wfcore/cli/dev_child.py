"""The server of a `wf dev` that reloads, started by `wfcore.cli.reloading` and by nobody else."""

import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from wfcore.cli.banner import show_remarks
from wfcore.cli.failure import failures_told
from wfcore.cli.installed import PluginPlaces
from wfcore.cli.logs import log_to
from wfcore.cli.reloading import PLUGIN_BROKEN, READY
from wfcore.cli.serving import DevServer
from wfcore.cli.wording import printable
from wfcore.engine.engine import Engine
from wfcore.errors import PluginError
from wfcore.settings import Settings

__all__ = ["main"]

_KILLED: Final = 128 + signal.SIGKILL


def main(options: dict[str, Any]) -> None:
    """Serve with these options until the parent says to stop, or is gone."""
    line = _inherited(options["line"])
    listener = _inherited(options["listener"])
    threading.Thread(target=_die_with_parent, args=(line,), daemon=True).start()
    console = Console(stderr=True, highlight=False)
    with failures_told("text"):
        settings = Settings.read()
        log_to(console, settings)
        places = PluginPlaces.read(options["files"], options["folders"])
        server = DevServer(settings, places, tuple(options["allow"]), listener=listener)

        def ready(url: str, engine: Engine) -> None:
            if options["again"]:
                console.print(Text.assemble(("wf dev  ", "dim"), "ready again"))
                show_remarks(console, engine.registry)
            else:
                server.announce(console, url, engine)
            line.send(READY)

        try:
            server.run(ready)
        except PluginError as error:
            line_of_it = Text.assemble(("wf: ", "bold red"), printable(str(error)))
            console.print(line_of_it, soft_wrap=True)
            sys.exit(PLUGIN_BROKEN)


def _inherited(descriptor: int) -> socket.socket:
    # Not for the processes that handlers start.
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def _die_with_parent(line: socket.socket) -> None:
    """End at once when the parent has been killed: what was open goes on at the next start."""
    # With an error where it went before it had read all that it was told.
    with suppress(OSError):
        while line.recv(1):
            pass
    os._exit(_KILLED)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
