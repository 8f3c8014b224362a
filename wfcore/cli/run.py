"""`wf run`: run a workflow to its end in this process."""

import asyncio
import shlex
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from wfcore import Result
from wfcore.cli.ending import tell_end
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told
from wfcore.cli.folder import Folder, Note
from wfcore.cli.given import Given, read_document, read_input, read_replacements, trigger_body
from wfcore.cli.logs import log_to
from wfcore.cli.options import Allowed, PluginFolders, Plugins, outbound_allow
from wfcore.cli.session import Session
from wfcore.cli.standard_output import kept_for_result, writing_result
from wfcore.settings import Settings
from wfcore.store.opening import Durability

__all__ = ["run"]


File: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="FILE",
        help="The workflow document. With --resume or --retry: an execution's id, or nothing for "
        "the newest.",
    ),
]
Replacements: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        consume_multiple=False,
        help="NODE.KEY=VALUE replaces a config key; the value is JSON, else text. May be repeated.",
    ),
]


GivenInput: TypeAlias = Annotated[
    str | None, Parameter(name="--input", help="The execution's input as JSON, or @FILE.")
]
Output: TypeAlias = Annotated[
    Format, Parameter(help="json: standard output is the body of the API's /results.")
]
Resume: TypeAlias = Annotated[
    bool, Parameter(help="Go on with an execution whose process ended before it did.")
]
Retry: TypeAlias = Annotated[
    bool,
    Parameter(
        help="Take up an execution again that failed or was cancelled: what COMPLETED is kept, the "
        "rest runs."
    ),
]
Concurrency: TypeAlias = Annotated[
    int | None, Parameter(validator=Number(gte=1), help="Nodes that run at a time.")
]
WantedDurability: TypeAlias = Annotated[
    Durability | None,
    Parameter(help="durable survives a power cut, relaxed the death of the process."),
]


def run(  # noqa: PLR0913 - the options of a command, each by its name
    file: File = None,
    /,
    *,
    given: GivenInput = None,
    replacements: Replacements = (),
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    allow: Allowed = (),
    output: Output = "text",
    resume: Resume = False,
    retry: Retry = False,
    concurrency: Concurrency = None,
    durability: WantedDurability = None,
) -> int:
    """Run a workflow to its end in this process, durably."""
    console = Console(stderr=True, highlight=False)
    with failures_told(output):
        settings = Settings.read()
        log_to(console, settings, shows_failures=True)
        folder = Folder()
        with kept_for_result():
            if resume or retry:
                _refuse_beside(resume=resume, retry=retry, argument=given, replaced=replacements)
                note = _retryable(folder, file) if retry else _noted(folder, file)
                document = None
            else:
                document = _given(file, given, settings)
                note = _new_note(document, replacements, settings)
            if plugin:
                note.plugins = tuple(str(path.resolve()) for path in plugin)
            if plugin_dir:
                note.plugin_dirs = tuple(str(path.resolve()) for path in plugin_dir)
            note.allow = outbound_allow(settings, (*note.allow, *allow))
            note.concurrency = concurrency or note.concurrency
            note.durability = durability or note.durability
            folder.prune()
            known = file if document is None else None
            session = Session(note, folder, settings, console, known)
            if retry:
                work = session.retry(read_replacements(replacements))
            else:
                work = session.start(document) if document else session.resume()
            result, code = asyncio.run(work)
        _write_result(result, note, output, console)
    return code


def _write_result(result: Result, note: Note, output: Format, console: Console) -> None:
    try:
        with writing_result():
            tell_end(result, note, output, console)
    except OSError as error:
        message = f"the execution is {result.status}, but its result cannot be written: {error}"
        hint = f"wf run --resume {result.execution_id} shows it again"
        raise CommandFailed.single(Exit.FAILED, "output", message, hint) from error


def _given(file: str | None, argument: str | None, settings: Settings) -> Given:
    if file is None:
        message = "which workflow? wf run FILE, or wf run --resume"
        raise CommandFailed.single(Exit.USAGE, "usage.file", message)
    limits = settings.engine_options()["limits"]
    given = read_document(file, limits)
    if argument is None:
        return given
    return replace(given, input=read_input(argument, limits), input_beside_dag=False)


def _new_note(given: Given, arguments: tuple[str, ...], settings: Settings) -> Note:
    return Note(
        execution=str(uuid.uuid4()),
        file=str(Path(given.path).resolve()),
        command=shlex.join(["wf", *sys.argv[1:]]),
        created=time.time(),
        trigger=trigger_body(read_replacements(arguments), given.document),
        durability=settings.durability,
        concurrency=settings.concurrency,
    )


def _refuse_beside(
    *, resume: bool, retry: bool, argument: str | None, replaced: tuple[str, ...]
) -> None:
    if resume and retry:
        message = "--resume goes on with what is open, --retry takes up what has ended"
        raise CommandFailed.single(Exit.USAGE, "usage.retry", message, "choose one of them")
    if retry and argument is not None:
        message = "--retry goes on with the input that the execution was started with"
        hint = "leave --input away, or run the workflow anew"
        raise CommandFailed.single(Exit.USAGE, "usage.retry", message, hint)
    if resume and (argument is not None or replaced):
        message = "--resume goes on with what the execution was started with"
        hint = "leave --input and --set away"
        raise CommandFailed.single(Exit.USAGE, "usage.resume", message, hint)


def _retryable(folder: Folder, execution: str | None) -> Note:
    """Return the note of the execution to take up again."""
    note = folder.newest_retryable() if execution is None else folder.read(execution)
    if note is None:
        kind = "failed or cancelled execution" if execution is None else f"execution {execution!r}"
        message = f"no {kind} in {folder.path}"
        raise CommandFailed.single(Exit.NOT_FOUND, "execution.not_found", message)
    return note


def _noted(folder: Folder, execution: str | None) -> Note:
    """Return the note of the execution to go on with."""
    if execution is None:
        note, in_use = folder.newest_unfinished()
        if in_use is not None:
            raise in_use
        message = f"no unfinished execution in {folder.path}"
    else:
        note = folder.read(execution)
        message = f"no execution {execution!r} in {folder.path}"
    if note is None:
        raise CommandFailed.single(Exit.NOT_FOUND, "execution.not_found", message)
    return note
