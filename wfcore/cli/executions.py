"""`wf executions list|show|follow|wait`: what runs on a server, and how it ended."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from wfcore.cli.client import Client
from wfcore.cli.connection import lasting_events, wait_for_end
from wfcore.cli.durations import Duration
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told
from wfcore.cli.remote import (
    ExecutionId,
    Labels,
    Names,
    Output,
    Server,
    Since,
    Statuses,
    query_of,
    tell_beside,
    write_json,
)
from wfcore.cli.remote_text import EventLines, tell_execution, tell_list, tell_node, tell_outcome
from wfcore.settings import Settings
from wfcore.workflow.states import Status

__all__ = ["follow", "list_executions", "show", "wait"]

_PAGE = 500


def list_executions(
    *,
    status: Statuses = (),
    name: Names = None,
    label: Labels = (),
    since: Since = None,
    limit: Annotated[
        int, Parameter(validator=Number(gte=1), help="So many at most; 50 unless given.")
    ] = 50,
    server: Server = None,
    output: Output = "text",
) -> int:
    """List executions, the newest first."""
    with failures_told(output):
        query = query_of(status, name, label, since)
        with Client.of(Settings.read(), server) as client:
            found, following = _pages(client, query, limit)
        if output == "json":
            write_json({"executions": found, "next": following})
        else:
            tell_list(found, more=following is not None)
    return Exit.OK


def show(
    execution: ExecutionId,
    node: Annotated[str | None, Parameter(name="NODE", help="One of its nodes.")] = None,
    /,
    *,
    server: Server = None,
    output: Output = "text",
) -> int:
    """Show an execution, or one of its nodes."""
    with failures_told(output), Client.of(Settings.read(), server) as client:
        if node is None:
            view = client.execution(execution)
            write_json(view) if output == "json" else tell_execution(view)
        else:
            view = client.node(execution, node)
            write_json(view) if output == "json" else tell_node(view)
    return Exit.OK


def follow(
    execution: ExecutionId,
    /,
    *,
    server: Server = None,
    output: Annotated[Format, Parameter(help="json: one JSON object a line for each event.")] = (
        "text"
    ),
) -> int:
    """Show what happens to an execution until it ends."""
    status = ""
    with failures_told(output), Client.of(Settings.read(), server) as client:
        lines = EventLines(Console(highlight=False))
        for event in lasting_events(client, execution, tell_beside):
            if event.name == "end":
                status = event.data["status"]
            if output == "json":
                told = {"event": event.name, "id": event.id or None, "data": event.data}
                sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                lines.show(event)
    return _exit(status)


def wait(
    execution: ExecutionId,
    /,
    *,
    timeout: Annotated[
        Duration | None, Parameter(help="90s, 15m, 1h; without it, until the execution ends.")
    ] = None,
    server: Server = None,
    output: Annotated[Format, Parameter(help="json: the body of the API's /results.")] = "text",
) -> int:
    """Wait until an execution ends."""
    with failures_told(output), Client.of(Settings.read(), server) as client:
        results = wait_for_end(client, execution, timeout, tell_beside)
        if output == "json":
            write_json(results)
        else:
            tell_outcome(results)
    return _exit(results["status"])


def _pages(client: Client, query: dict[str, Any], limit: int) -> tuple[list[Any], str | None]:
    """Return up to `limit` executions, and where the rest begins."""
    found: list[Any] = []
    cursor: str | None = None
    for size in _sizes(limit):
        page = client.list({**query, "limit": size, "cursor": cursor})
        found += page["executions"]
        cursor = page["next"]
        if cursor is None:
            break
    return found, cursor


def _sizes(limit: int) -> Iterator[int]:
    while limit > 0:
        yield min(limit, _PAGE)
        limit -= _PAGE


def _exit(status: str) -> int:
    if status == Status.COMPLETED:
        return Exit.OK
    if status not in tuple(Status):
        raise CommandFailed.single(Exit.FAILED, "server.stranger", f"unknown status {status!r}")
    return Exit.FAILED if Status(status).terminal else Exit.OPEN
