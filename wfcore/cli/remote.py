"""What the commands on a server's executions share: options, and how they write."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wfcore.cli.durations import Duration
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format
from wfcore.cli.wording import one_line
from wfcore.problems import did_you_mean
from wfcore.workflow.states import Status

__all__ = [
    "ExecutionId",
    "Labels",
    "Names",
    "Output",
    "Server",
    "Since",
    "Statuses",
    "labels_of",
    "query_of",
    "since_of",
    "statuses_of",
    "tell_beside",
    "write_json",
]

ExecutionId: TypeAlias = Annotated[str, Parameter(name="ID", help="The execution's id.")]
Server: TypeAlias = Annotated[
    str | None, Parameter(help="The server's URL; APP_SERVER_URL, else http://127.0.0.1:8000.")
]
Output: TypeAlias = Annotated[
    Format, Parameter(help="json: standard output is JSON and nothing else.")
]
Statuses: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        consume_multiple=False,
        help="Those that stand here (failed, running, ...); may be repeated.",
    ),
]
Names: TypeAlias = Annotated[str | None, Parameter(help="Those of the workflow of this name.")]
Labels: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(consume_multiple=False, help="KEY=VALUE: those with this label; may be repeated."),
]
Since: TypeAlias = Annotated[
    Duration | None, Parameter(help="Those created in the last 90s, 15m, 1h, 7d.")
]


def query_of(
    statuses: Sequence[str], name: str | None, labels: Sequence[str], since: float | None
) -> dict[str, Any]:
    """Return the parameters of the list that asks for these."""
    return {
        "status": statuses_of(statuses),
        "name": name,
        "label": [f"{key}:{value}" for key, value in labels_of(labels).items()],
        "created_after": since_of(since),
    }


def statuses_of(typed: Sequence[str]) -> list[str]:
    """Read every `--status`; upper and lower case are the same."""
    known = [str(status) for status in Status]
    found = [status.strip().upper() for each in typed for status in each.split(",")]
    for status in found:
        if status not in known:
            hint = did_you_mean(status, known) or f"one of {', '.join(known).lower()}"
            message = f"--status {status.lower()!r} is no status of an execution"
            raise CommandFailed.single(Exit.USAGE, "usage.status", message, hint)
    return found


def labels_of(typed: Sequence[str]) -> dict[str, str]:
    """Read every `--label key=value`."""
    found = {}
    for each in typed:
        key, equals, value = each.partition("=")
        if not (key and equals):
            message = f"--label {each!r} is not of the form key=value"
            raise CommandFailed.single(Exit.USAGE, "usage.label", message)
        found[key] = value
    return found


def since_of(seconds: float | None) -> str | None:
    """Return when that was, as the API reads it."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(max(time.time() - seconds, 0.0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_json(value: Any) -> None:
    """Write JSON to standard output, which is all that stands there."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def tell_beside(text: str) -> None:
    """Write a line to standard error."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("wf: ", "dim"), one_line(text)), soft_wrap=True)
