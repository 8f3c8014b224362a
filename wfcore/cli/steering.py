"""`wf executions cancel|retry|delete`: steering what runs on a server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.text import Text

from wfcore.cli.client import Client, Unreachable
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told, tell_problems
from wfcore.cli.given import Replacement, read_replacements, trigger_body
from wfcore.cli.remote import (
    Labels,
    Names,
    Output,
    Server,
    Since,
    Statuses,
    labels_of,
    query_of,
    since_of,
    statuses_of,
    write_json,
)
from wfcore.cli.remote_text import tell_list
from wfcore.cli.wording import counted, one_line, printable
from wfcore.problems import Problem
from wfcore.settings import Settings
from wfcore.workflow.states import Status

__all__ = ["cancel", "delete", "retry"]

ExecutionIds: TypeAlias = Annotated[tuple[str, ...], Parameter(name="ID...", help="Their ids.")]

Limit: TypeAlias = Annotated[
    int, Parameter(validator=Number(gte=1), help="So many at most; 100 unless given.")
]
Replacements: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        consume_multiple=False,
        help="NODE.KEY=VALUE replaces a config key; the value is JSON, else text. May be repeated.",
    ),
]
DryRun: TypeAlias = Annotated[bool, Parameter(help="Show what would be taken up, and do nothing.")]

_PAGE: Final = 500
_BATCH: Final = 100


def cancel(
    executions: ExecutionIds = (), /, *, server: Server = None, output: Output = "text"
) -> int:
    """Cancel executions."""
    return _each(executions, "cancelled", Client.cancel, server, output)


def delete(
    executions: ExecutionIds = (), /, *, server: Server = None, output: Output = "text"
) -> int:
    """Delete executions that have ended."""

    def _delete(client: Client, execution: str) -> Any:
        client.delete(execution)
        return {"execution_id": execution, "status": "deleted"}

    return _each(executions, "deleted", _delete, server, output)


def retry(  # noqa: PLR0913 - the options of a command, each by its name
    executions: ExecutionIds = (),
    /,
    *,
    status: Statuses = (),
    name: Names = None,
    label: Labels = (),
    since: Since = None,
    limit: Limit = 100,
    replacements: Replacements = (),
    dry_run: DryRun = False,
    server: Server = None,
    output: Output = "text",
) -> int:
    """Take up executions again."""
    with failures_told(output):
        replaced = read_replacements(replacements)
        matching = bool(status or name or label or since is not None)
        if matching == bool(executions):
            message = "which executions? ids, or --status, --since, --name, --label; not both"
            raise CommandFailed.single(Exit.USAGE, "usage.executions", message)
    if executions and not dry_run:

        def _retry(client: Client, execution: str) -> Any:
            return client.retry(execution, _overrides(client, execution, replaced))

        return _each(executions, "retried", _retry, server, output)
    with failures_told(output), Client.of(Settings.read(), server) as client:
        if executions:
            found = [client.execution(each) for each in executions]
            listed = [
                {"execution_id": each["execution_id"], "status": each["status"]} for each in found
            ]
            _tell_dry_run(listed, output)
            return Exit.OK
        query = query_of(status or (str(Status.FAILED),), name, label, since) | {"retried": "false"}
        if dry_run:
            _tell_dry_run(_matching(client, query, limit), output)
            return Exit.OK
        wanted = {
            "status": statuses_of(status or (str(Status.FAILED),)),
            "name": name,
            "labels": labels_of(label),
            "created_after": since_of(since),
            "overrides": _common_overrides(client, query, replaced),
        }
        return _retry_many(client, wanted, limit, output)


def _each(
    executions: Sequence[str],
    done_word: str,
    act: Callable[[Client, str], Any],
    server: str | None,
    output: Format,
) -> int:
    """Do the same to every execution; what one refuses keeps no other from it."""
    done: list[Any] = []
    refused: list[Any] = []
    code = Exit.OK
    with failures_told(output):
        if not executions:
            raise CommandFailed.single(
                Exit.USAGE, "usage.executions", "which executions? their ids"
            )
        with Client.of(Settings.read(), server) as client:
            for execution in dict.fromkeys(executions):
                try:
                    done.append(act(client, execution))
                except Unreachable:
                    raise
                except CommandFailed as failed:
                    if failed.code == Exit.SERVER:
                        raise
                    code = max(code, failed.code)
                    problems = [problem.as_dict() for problem in failed.problems]
                    refused.append({"execution_id": execution, "problems": problems})
        _tell(done, refused, done_word, output)
    return code


def _retry_many(client: Client, wanted: Mapping[str, Any], limit: int, output: Format) -> int:
    done: list[Any] = []
    refused: list[Any] = []
    given = {name: value for name, value in wanted.items() if value is not None}
    cursor = ""
    while limit > 0:
        answer = client.retry_many({**given, "limit": min(limit, _BATCH), "cursor": cursor})
        done += answer["retried"]
        refused += answer["refused"]
        limit -= _BATCH
        cursor = answer["next"]
        if not cursor:
            break
    _tell(done, refused, "retried", output)
    if output == "text" and cursor:
        Console(stderr=True).print(Text("more match: --limit takes more of them", "dim"))
    return Exit.REFUSED if refused else Exit.OK


def _matching(client: Client, query: Mapping[str, Any], limit: int) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < limit:
        size = min(limit - len(found), _PAGE)
        page = client.list({**query, "limit": size, "cursor": cursor})
        found += page["executions"]
        cursor = page["next"]
        if cursor is None:
            break
    return found


def _overrides(
    client: Client, execution: str, replaced: Sequence[Replacement]
) -> dict[str, Any] | None:
    """Return the body of a retry: which node a `--set` means, only its ids can tell."""
    if not replaced:
        return None
    nodes: Any = [{"id": key} for key in client.execution(execution)["nodes"]]
    return trigger_body(replaced, {"dag": {"nodes": nodes}})


def _common_overrides(
    client: Client, query: Mapping[str, Any], replaced: Sequence[Replacement]
) -> dict[str, Any] | None:
    first = _matching(client, query, 1) if replaced else []
    return _overrides(client, first[0]["execution_id"], replaced) if first else None


def _tell_dry_run(found: Sequence[Mapping[str, Any]], output: Format) -> None:
    if output == "json":
        write_json({"would_retry": list(found)})
        return
    named = [{"name": "", "created": "", **each} for each in found]
    tell_list(named, more=False)
    Console(stderr=True).print(Text(f"{counted(len(found), 'execution')} would be taken up again"))


def _tell(done: Sequence[Any], refused: Sequence[Any], done_word: str, output: Format) -> None:
    if output == "json":
        write_json({done_word: list(done), "refused": list(refused)})
        return
    console = Console(highlight=False)
    for each in done:
        line = Text(f"{printable(each['execution_id'])}  {one_line(each['status'])}")
        if each.get("retry_of"):
            line.append(f"  retry of {one_line(each['retry_of'])}", "dim")
        console.print(line, soft_wrap=True)
    beside = Console(stderr=True, highlight=False)
    for each in refused:
        problems = [Problem(**problem) for problem in each["problems"]]
        tell_problems(beside, problems, title=each["execution_id"])
