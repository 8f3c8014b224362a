"""`wf run`: run a workflow to its end in this process."""

import asyncio
import os
import shlex
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from wfcore.cli.ending import tell_end
from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told
from wfcore.cli.folder import Folder, Note
from wfcore.cli.given import Given, read_document, read_input, read_replacements, trigger_body
from wfcore.cli.logs import log_to
from wfcore.cli.session import Session
from wfcore.cli.standard_output import kept_for_result
from wfcore.outbound.http import UNSET
from wfcore.settings import Settings
from wfcore.store.opening import Durability

__all__ = ["run"]


def run(
    file: str | None = None,
    /,
    *,
    input: str | None = None,
    set: tuple[str, ...] = (),
    plugin: tuple[Path, ...] = (),
    output: Format = "text",
    resume: Annotated[bool, Parameter(negative="")] = False,
    concurrency: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    durability: Durability | None = None,
) -> int:
    """Run a workflow to its end in this process, durably.

    Progress and messages go to standard error, the result alone to standard output. Each execution
    has a store of its own, .wf/runs/<execution id>.db. After a crash, or kill -9,
    `wf run --resume` goes on where it was. Ctrl-C cancels; a second one stops at once.

    Parameters
    ----------
    file:
        The workflow document. With --resume: the execution's id; without one, the newest
        unfinished execution.
    input:
        The execution's input as JSON, or @FILE.
    set:
        Replace a config key, as in --set summarize.prompt='Be brief: {{ get.output.data }}'.
        The value is JSON, else text. May be repeated.
    plugin:
        A Python file with handlers of your own. May be repeated.
    output:
        json: only the body of the API's /results on standard output.
    resume:
        Go on with an execution whose process ended before it.
    concurrency:
        Nodes that run at a time.
    durability:
        durable survives a power cut, relaxed the death of the process.
    """
    console = Console(stderr=True, highlight=False)
    with failures_told(output):
        settings = Settings.read()
        log_to(console, settings.log_level)
        folder = Folder()
        with kept_for_result():
            if resume:
                _refuse_beside_resume(input, set)
                note, given = _note_to_resume(folder, file), None
            else:
                given = _given(file, input, settings)
                note = _new_note(given, set, settings)
            ...
    return 0
