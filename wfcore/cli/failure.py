"""What ends a command early, and how it is told: on stderr to people, on stdout as JSON."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.places import line_of
from wfcore.cli.wording import counted, printable
from wfcore.errors import (
    Conflict,
    DocumentRefused,
    ExecutionNotFound,
    PluginError,
    StoreError,
    StoreOwned,
)
from wfcore.problems import Problem
from wfcore.settings import SettingsRefused

__all__ = ["CommandFailed", "Format", "failures_told", "tell_problems"]

Format = Literal["text", "json"]


class CommandFailed(Exception):
    """The command ends here; its problems say why."""

    def __init__(
        self, code: Exit, problems: Sequence[Problem], *, title: str = "", source: str = ""
    ) -> None:
        self.code = code
        self.problems = tuple(problems)
        self.title = title
        self.source = source
        """The text that the pointers lead into, where there is one."""
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def single(cls, code: Exit, kind: str, message: str, hint: str | None = None) -> "CommandFailed":
        """Make one of a single problem that has no place in a document."""
        return cls(code, [Problem(kind, "", message, hint)])


@contextlib.contextmanager
def failures_told(output: Format) -> Iterator[None]:
    """Tell every failure that a user can do something about, and exit with its code."""
    try:
        yield
    except CommandFailed as failed:
        _tell(failed, output)
    except DocumentRefused as refused:
        _tell(CommandFailed(Exit.REFUSED, refused.problems), output)
    except Conflict as conflict:
        _tell(CommandFailed(Exit.REFUSED, [conflict.problem]), output)
    except SettingsRefused as refused:
        _tell(CommandFailed(Exit.USAGE, refused.problems), output)
    except PluginError as error:
        _tell(CommandFailed.single(Exit.USAGE, "plugin", str(error)), output)
    except ExecutionNotFound as error:
        _tell(CommandFailed.single(Exit.NOT_FOUND, "execution.not_found", str(error)), output)
    except StoreError as error:
        kind = "store.in_use" if isinstance(error, StoreOwned) else "store"
        _tell(CommandFailed.single(Exit.STORE, kind, str(error)), output)


def tell_problems(
    console: Console, problems: Sequence[Problem], *, title: str = "", source: str = ""
) -> None:
    """Write problems for people: place, message, hint."""
    if title:
        console.print(Text(f"✗ {printable(title)}: {counted(len(problems), 'problem')}", "bold red"))
    for problem in problems:
        console.print()
        line = line_of(source, problem.pointer) if source and problem.pointer else None
        place = f"{title}:{line}  " if line is not None else ""
        if problem.pointer:
            console.print(
                Text.assemble("  ", (printable(place), "dim"), (printable(problem.pointer), "cyan")),
                soft_wrap=True,
            )
        console.print(Text(f"  {printable(problem.message)}"), soft_wrap=True)
        if problem.hint:
            console.print(Text(f"  → {printable(problem.hint)}", "green"), soft_wrap=True)
        console.print(Text(f"  {problem.code}", "dim"))
    console.print()


def _tell(failed: CommandFailed, output: Format) -> None:
    if output == "json":
        json.dump({"problems": [problem.as_dict() for problem in failed.problems]}, sys.stdout)
        sys.stdout.write("\n")
    console = Console(stderr=True, highlight=False)
    if failed.title:
        tell_problems(console, failed.problems, title=failed.title, source=failed.source)
    else:
        for problem in failed.problems:
            console.print(Text.assemble(("wf: ", "bold red"), printable(str(problem))), soft_wrap=True)
    sys.exit(failed.code)
