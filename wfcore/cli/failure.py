"""What ends a command early, and how it is told: on stderr to people, on stdout as JSON."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.places import lines_of
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
    def single(
        cls, code: Exit, kind: str, message: str, hint: str | None = None
    ) -> "CommandFailed":
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
    console: Console, problems: Sequence[Problem], *, title: str, source: str = ""
) -> None:
    """Write problems for people: place, message, hint. `source` is the text that has them."""
    lines = lines_of(title, source, [each.pointer for each in problems]) if source else {}
    found = counted(len(problems), "problem")
    _write(console, Text.assemble((f"{printable(title)}: {found}", "bold red")))
    for problem in problems:
        line = lines.get(problem.pointer)
        place = f"{title}:{line}" if line is not None and problem.pointer else ""
        console.print()
        if problem.pointer:
            _write(console, Text.assemble("  ", (printable(problem.pointer), "cyan")))
        _write(console, Text(f"  {printable(problem.message)}"))
        if problem.hint:
            _write(console, Text.assemble("  ", (printable(problem.hint), "green")))
        _write(console, Text(f"  {problem.code}  {printable(place)}".rstrip(), "dim"))
    console.print()


def _write(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)


def _tell(failed: CommandFailed, output: Format) -> None:
    if output == "json":
        json.dump({"problems": [problem.as_dict() for problem in failed.problems]}, sys.stdout)
        sys.stdout.write("\n")
    console = Console(stderr=True, highlight=False)
    if failed.title:
        tell_problems(console, failed.problems, title=failed.title, source=failed.source)
    else:
        for problem in failed.problems:
            _write(console, Text.assemble(("wf: ", "bold red"), printable(str(problem))))
    sys.exit(failed.code)
