"""The stage of the demo: what the audience reads, the commands that run, the claims that hold."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

__all__ = ["ClaimBroken", "Shown", "Stage", "shown_path", "wait_until"]

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.prefix) / "bin"


class ClaimBroken(Exception):
    """An act did not show what it claims."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command said and how it ended. `errors` is empty where they went to the terminal."""

    code: int
    output: str
    errors: str

    def results(self) -> Any:
        """Return the JSON that the output begins with."""
        return json.JSONDecoder().raw_decode(self.output)[0]


class Stage:
    """Writes to standard output; so do the commands, whatever stream they use."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)

    def title(self, text: str) -> None:
        """Write the name of the play."""
        self.console.print()
        self.console.print(Text(text, "bold"))

    def act(self, number: int, name: str, text: str) -> None:
        """Open an act."""
        self.console.print()
        self.console.print(Rule(Text(f" {number}  {name} ", "bold cyan"), align="left"))
        self.console.print(Text(text, "dim"))
        self.console.print()

    def end(self, name: str) -> None:
        """Close the play."""
        self.console.print()
        self.console.print(Rule(Text(f" {name} ", "bold cyan"), align="left"))
        self.console.print()

    def note(self, text: str, style: str = "") -> None:
        """Write a line."""
        self.console.print(Text(text, style), soft_wrap=True)

    def command(self, *arguments: str, into: str | None = None) -> None:
        """Write a command as the reader can copy it."""
        target = f" > {into}" if into else ""
        self.console.print(
            Text.assemble(("$ ", "dim"), (f"{shlex.join(arguments)}{target}", "bold")),
            soft_wrap=True,
        )

    def run(self, *arguments: str, capture_errors: bool = False) -> Shown:
        """Show a command and run it; its progress is seen live, its output when it has ended."""
        self.command(*arguments)
        started = self.start(*arguments, capture_errors=capture_errors)
        output, errors = started.communicate()
        for text in filter(None, (errors, output)):
            sys.stdout.write(text)
        sys.stdout.flush()
        return Shown(started.returncode, output, errors or "")

    def start(self, *arguments: str, capture_errors: bool = False) -> subprocess.Popen[str]:
        """Start a command without waiting for it."""
        sys.stdout.flush()
        return subprocess.Popen(  # noqa: S603 - the commands of the demo
            _resolved(arguments),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if capture_errors else sys.stdout,
            text=True,
        )

    def write(self, into: str, *arguments: str) -> None:
        """Show a command whose output goes into a file, and run it."""
        self.command(*arguments, into=into)
        path = ROOT / into
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            command = _resolved(arguments)
            subprocess.run(command, cwd=ROOT, stdout=file, check=True)  # noqa: S603 - as above

    def show_file(self, path: str) -> None:
        """Write a Python file, without its empty lines."""
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        text = "\n".join(line for line in lines if line)
        self.console.print(Syntax(text, "python", background_color="default"))
        self.console.print()

    def restore_terminal(self) -> None:
        """Show the cursor that a killed command left hidden, on a line of its own."""
        self.console.show_cursor()
        self.console.print()

    def holds(self, claim: str, *, when: bool) -> None:
        """Write a claim that holds; raises `ClaimBroken` for one that does not."""
        if not when:
            raise ClaimBroken(claim)
        self.console.print(Text.assemble(("✓ ", "green"), claim), soft_wrap=True)


def shown_path(program: str) -> str:
    """Return a program of this environment as the reader types it in the clone."""
    path = BIN / program
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Poll until a condition holds; raises `ClaimBroken` when the time is over."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise ClaimBroken(f"nothing happened for {seconds:g} seconds")
        time.sleep(0.02)


def _resolved(arguments: Sequence[str]) -> list[str]:
    """Return a shown command with the program of this environment, where it is one."""
    program = BIN / Path(arguments[0]).name
    return [str(program) if program.exists() else arguments[0], *arguments[1:]]
