"""The commands of `wf`, and what becomes of the errors that they raise."""

import os
import signal
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from wfcore.cli.exits import Exit

__all__ = ["app", "call"]

_EPILOGUE = """\
Exit codes: 0 completed · 1 failed · 2 usage · 3 document refused · 4 not found ·
5 store cannot be used · 130 cancelled by Ctrl-C · 143 cancelled by SIGTERM
"""

app = App(
    name="wf",
    help="Run workflows that are JSON documents: checked first, kept through crashes.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=lambda: f"wf {version('wfcore')}",
    version_flags=["--version"],
)
app.command(
    "wfcore.cli.run:run", name="run", help="Run a workflow to its end in this process, durably."
)
app.command(
    "wfcore.cli.validate:validate",
    name="validate",
    help="Check documents; tell all problems, each with its place.",
)
app.command(
    "wfcore.cli.dev:dev", name="dev", help="Start the API and a worker in one process on SQLite."
)


def call() -> None:
    """Run the command line and exit."""
    try:
        code = app(exit_on_error=False, result_action="return_value")
    except CycloptsError:
        # The library has said what is wrong.
        sys.exit(Exit.USAGE)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has gone (`wf run ... | head`): nothing is left to be said, and
        # the interpreter must not complain as it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    sys.exit(code or Exit.OK)
