"""The commands of `wf`, and what becomes of the errors that they raise."""

import os
import signal
import sys
from importlib.metadata import version
from typing import Final

from cyclopts import App, CycloptsError, Parameter

from wfcore.cli.exits import Exit

__all__ = ["app", "call"]

_EPILOGUE: Final = """\
Exit codes: 0 completed, 1 failed, 2 usage, 3 document refused, 4 not found,
5 store cannot be used, 6 not ended in time, 7 no answer from the server,
130 cancelled by Ctrl-C, 143 cancelled by SIGTERM
"""
_RUN: Final = """Run a workflow in this process to its end, durably.

Progress goes to standard error, the result alone to standard output. Every
execution has its own store, .wf/runs/<execution id>.db: after a crash,
`wf run --resume` goes on where it was. Ctrl-C cancels, twice stops at once.
`wf run --retry` takes up one that failed: nodes that COMPLETED do not run again.
"""
_VALIDATE: Final = """Check documents; tell all their problems at once.

Every problem comes with its JSON pointer, its line and what to do about it.
"""
_DEV: Final = """Serve the API and run workflows, on one SQLite file.

The file is .wf/dev.db, or the store in APP_STORE_URL. What is open when the
process stops, or is killed, goes on at the next start. With --plugin, the
server is started anew whenever a plugin file changes.
"""
_SERVER: Final = """Serve the API of a cluster.

State is in the Redis of APP_REDIS_HOST (or APP_STORE_URL), tasks travel over
the Kafka of APP_KAFKA_BOOTSTRAP_SERVERS (or APP_BUS_URL). Nodes are run by
`wf worker` processes. Any number of servers may stand side by side.
"""
_WORKER: Final = """Run the nodes of a cluster.

Settings are those of `wf server`, and APP_CONCURRENCY, APP_QUEUES and
APP_DRAIN_SECONDS. SIGTERM drains: nothing more is taken, running attempts get
time to end, the rest is given back. Probes: /livez, /readyz, /metrics.
"""
_GRAPH: Final = """Draw the DAG of a document.

As a tree: each node stands under the node that all its ways lead through, a
join beside the branches that it joins. Or as a Mermaid flowchart.
"""
_SCHEMA: Final = """Print the JSON Schema of workflow documents.

It is draft 2020-12 and has the config of every handler that is installed, so
that an editor completes and checks documents.
"""
_HANDLERS: Final = """List the handlers that are installed, or show one of them.

`wf handlers show NAME` tells what it does, what its config takes and what it gives.
"""
_NEW_PLUGIN: Final = """Write a plugin of your own: one handler, its tests, an example.

NAME gives all names: of `shout`, the distribution is wfcore-shout, its module
wfcore_shout, its handler shout and the class Shout. What is written can be
installed, tested and run at once; nothing that is there is overwritten.
"""
_PLUGINS: Final = """List the plugins that are installed, and how loading them went.

A broken one is named with its error; the exit code is 1 then.
"""
_CONFIG: Final = """Show every setting: its value, and where it came from.

Credentials are masked; of secrets, only the names are shown.
"""
_DOCTOR: Final = """Look whether what a cluster stands on is there, and well.

Versions, plugins, the store (durability, clock, memory), workers and what waits
for them, the bus. The exit code is 1 where something is not well.
"""
_EXECUTIONS: Final = "List, follow, cancel and take up again what runs on a server."
_LIST: Final = """List executions, the newest first.

On a terminal a table; in a pipe a line each, with tabs between id, status,
name, created, seconds and the execution that it retries.
"""
_SHOW: Final = """Show where an execution stands, failed nodes first; or one of its nodes."""
_FOLLOW: Final = """Show what happens to an execution until it ends.

A connection that is cut is taken up again, nothing is missed or told twice.
Ctrl-C stops following; the execution goes on.
"""
_WAIT: Final = """Wait until an execution ends; the exit code says how, as for `wf run`."""
_CANCEL: Final = """Cancel executions."""
_RETRY: Final = """Take up executions again that failed or were cancelled.

Each is a new execution, linked to the old one: nodes that COMPLETED keep their
outputs and do not run again, except those that --set changes and what is
downstream of them. By ids, or all that match --status, --since, --name and
--label and were not taken up again yet.
"""
_DELETE: Final = """Delete executions that have ended."""

_PARAMETERS: Final = Parameter(negative=(), show_default=False)

app = App(
    name="wf",
    help="Run workflows that are JSON documents: checked first, kept through crashes.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=lambda: f"wf {version('wfcore')}",
    version_flags=["--version"],
    default_parameter=_PARAMETERS,
)
app.command(
    "wfcore.cli.run:run",
    name="run",
    help=_RUN,
    usage="Usage: wf run FILE [OPTIONS]\n       wf run --resume [ID]\n       wf run --retry [ID]\n",
)
app.command(
    "wfcore.cli.validate:validate",
    name="validate",
    help=_VALIDATE,
    usage="Usage: wf validate FILE... [OPTIONS]\n",
)
app.command("wfcore.cli.dev:dev", name="dev", help=_DEV)
app.command("wfcore.cli.cluster:server", name="server", help=_SERVER)
app.command("wfcore.cli.cluster:worker", name="worker", help=_WORKER)
app.command(
    "wfcore.cli.graph:graph",
    name="graph",
    help=_GRAPH,
    usage="Usage: wf graph FILE [OPTIONS]\n",
)
app.command("wfcore.cli.schema:schema", name="schema", help=_SCHEMA)
app.command(
    "wfcore.cli.handlers:handlers",
    name="handlers",
    help=_HANDLERS,
    usage="Usage: wf handlers [OPTIONS]\n       wf handlers show NAME [OPTIONS]\n",
)
app.command("wfcore.cli.plugins:list_plugins", name="plugins", help=_PLUGINS)
_new = App(
    name="new",
    help="Write the beginning of something of your own.",
    help_format="plaintext",
    default_parameter=_PARAMETERS,
)
_new.command(
    "wfcore.cli.new:new_plugin",
    name="plugin",
    help=_NEW_PLUGIN,
    usage="Usage: wf new plugin NAME [--folder DIR]\n",
)
app.command(_new)
app.command("wfcore.cli.config:config", name="config", help=_CONFIG)
app.command("wfcore.cli.doctor:doctor", name="doctor", help=_DOCTOR)
app.register_install_completion_command(help="Let the shell complete wf (bash, zsh, fish).")


_executions = App(
    name="executions", help=_EXECUTIONS, help_format="plaintext", default_parameter=_PARAMETERS
)
_executions.command(
    "wfcore.cli.executions:list_executions",
    name="list",
    help=_LIST,
    usage="Usage: wf executions list [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.executions:show",
    name="show",
    help=_SHOW,
    usage="Usage: wf executions show ID [NODE] [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.executions:follow",
    name="follow",
    help=_FOLLOW,
    usage="Usage: wf executions follow ID [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.executions:wait",
    name="wait",
    help=_WAIT,
    usage="Usage: wf executions wait ID [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.steering:cancel",
    name="cancel",
    help=_CANCEL,
    usage="Usage: wf executions cancel ID... [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.steering:retry",
    name="retry",
    help=_RETRY,
    usage="Usage: wf executions retry ID... [OPTIONS]\n"
    "       wf executions retry --status STATUS --since DURATION [OPTIONS]\n",
)
_executions.command(
    "wfcore.cli.steering:delete",
    name="delete",
    help=_DELETE,
    usage="Usage: wf executions delete ID... [OPTIONS]\n",
)
app.command(_executions)


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
