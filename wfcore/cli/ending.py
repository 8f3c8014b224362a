"""What is said when an execution has ended: its result, its notices, why it failed, what to do."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.json import JSON
from rich.text import Text

from wfcore.cli.failure import Format
from wfcore.cli.folder import Note
from wfcore.cli.progress import explanation
from wfcore.cli.wording import counted, one_line, printable
from wfcore.engine.views import Result
from wfcore.errors import ErrorRecord
from wfcore.workflow.states import Status

__all__ = ["tell_end"]

_SCREEN_LINES: Final = 60
_ERRORS: Final = 10
_DETAIL_LINES: Final = 12


def tell_end(result: Result, note: Note, output: Format, console: Console) -> None:
    """Write the result to standard output, and everything around it to `console`."""
    if output == "json":
        json.dump(result.as_dict(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    elif result.status is Status.COMPLETED:
        _show_results(result.results)
    # A notice belongs to the result: it stays with it, unless that has to be JSON alone.
    beside = console if output == "json" else Console(highlight=False)
    for notice in result.notices:
        beside.print(Text(printable(notice), "yellow"), soft_wrap=True)
    sys.stdout.flush()
    if result.status is not Status.COMPLETED:
        _tell_failure(result, note, console)


def _show_results(results: dict[str, Any]) -> None:
    text = printable(json.dumps(results, ensure_ascii=False, indent=2))
    console = Console(highlight=False)
    if not console.is_terminal:
        sys.stdout.write(f"{text}\n")
        return
    lines = text.splitlines()
    if len(lines) <= _SCREEN_LINES:
        console.print(JSON(text, indent=2, ensure_ascii=False), soft_wrap=True)
        return
    console.print(Text("\n".join(lines[:_SCREEN_LINES])), soft_wrap=True)
    more = counted(len(lines) - _SCREEN_LINES, "more line")
    console.print(Text(f"… {more}: --output json gives everything", "dim"))


def _tell_failure(result: Result, note: Note, console: Console) -> None:
    for node, error in list(result.errors.items())[:_ERRORS]:
        _tell_error(node, error, console)
    more = len(result.errors) - _ERRORS
    if more > 0:
        console.print(Text(f"and {counted(more, 'node')} more", "dim"))
    if not result.errors:
        console.print(Text(result.message))
    retry = f"wf run --retry {result.execution_id}"
    console.print()
    console.print(Text.assemble("Take it up again:  ", (retry, "bold")), soft_wrap=True)
    console.print(Text(f"Run it anew:       {note.command}", "dim"), soft_wrap=True)


def _tell_error(node: str, error: ErrorRecord, console: Console) -> None:
    line = Text.assemble((node, "bold red"), "  ", one_line(explanation(error)))
    console.print(line, soft_wrap=True)
    for detail in _details(error.get("details")):
        console.print(Text(f"    {printable(detail)}", "dim"), soft_wrap=True)


def _details(details: Any) -> Iterator[str]:
    """Yield what an error says beside its message, as far as people need it."""
    if isinstance(details, dict) and isinstance(details.get("traceback"), list):
        yield from map(str, details["traceback"][-_DETAIL_LINES:])
    elif isinstance(details, dict):
        for name, value in details.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if text:
                yield f"{name}: {one_line(text)}"
    elif details is not None:
        yield one_line(str(details))
