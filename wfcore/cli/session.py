"""One `wf run`: an execution in a store of its own, from its first event to its last."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed
from wfcore.cli.folder import Folder, Note
from wfcore.cli.following import View, follow
from wfcore.cli.given import Given, Replacement, node_dependencies, trigger_body
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.lines import Lines
from wfcore.cli.progress import Progress
from wfcore.cli.screen import Screen
from wfcore.cli.signals import Interrupts
from wfcore.engine.engine import Engine
from wfcore.engine.views import Result
from wfcore.errors import DocumentRefused, ExecutionNotFound
from wfcore.settings import Settings
from wfcore.store.contract import ExecutionRecord
from wfcore.store.opening import Durability
from wfcore.store.sqlite import SqliteStore
from wfcore.workflow.states import Status

__all__ = ["Session"]


class Session:
    """Runs the execution that a note stands for, and keeps the note up."""

    def __init__(
        self,
        note: Note,
        folder: Folder,
        settings: Settings,
        console: Console,
        execution: str | None = None,
    ) -> None:
        self._note = note
        self._execution = execution or note.latest
        self._folder = folder
        self._console = console
        self._since = round(time.time() * 1000)
        self._settings = settings
        self._stored = False

    async def start(self, given: Given) -> tuple[Result, int]:
        """Submit, trigger and follow a new execution; nothing stays of one that is refused."""
        note = self._note
        with Interrupts(self._stop_at_once) as interrupts:
            engine = self._engine()
            try:
                self._write_note()
                async with engine:
                    await _submit(engine, given, note)
                    self._stored = True
                    return await self._follow(engine, given.document, interrupts)
            finally:
                if not self._stored:
                    self._folder.delete(note.execution)

    async def resume(self) -> tuple[Result, int]:
        """Go on with the execution where its process left it."""
        note = self._note
        with Interrupts(self._stop_at_once) as interrupts:
            async with self._engine() as engine:
                record = await self._record(engine)
                # Raises where this process lacks a plugin: waiting for the nodes would be in vain.
                standing = await engine.result(self._execution)
                text = await engine.document(self._execution)
                if not standing.status.terminal and (problems := await engine.check(text)):
                    raise DocumentRefused(problems)
                if standing.status is Status.PENDING and record.retry_of is not None:
                    await engine.retry(record.retry_of, note.trigger)
                elif standing.status is Status.PENDING:
                    await engine.trigger(self._execution, note.trigger)
                document = json.loads(text)
                return await self._follow(engine, document, interrupts)

    async def retry(self, replacements: Sequence[Replacement]) -> tuple[Result, int]:
        """Take the execution up again: a new one in the same store, which keeps what COMPLETED."""
        note = self._note
        with Interrupts(self._stop_at_once) as interrupts:
            async with self._engine() as engine:
                await self._record(engine)
                document = json.loads(await engine.document(self._execution))
                overrides = trigger_body(replacements, document)
                try:
                    self._execution, _ = await engine.retry(self._execution, overrides)
                except DocumentRefused as refused:
                    title = "--set" if overrides else note.file
                    raise CommandFailed(Exit.REFUSED, refused.problems, title=title) from refused
                earlier = (each for each in note.retries if each != self._execution)
                note.retries = (*earlier, self._execution)
                note.trigger, note.status = overrides, None
                self._write_note()
                return await self._follow(engine, document, interrupts)

    async def _record(self, engine: Engine) -> ExecutionRecord:
        try:
            return await engine.record(self._execution)
        except ExecutionNotFound as error:
            raise _never_stored(self._note) from error

    def _engine(self) -> Engine:
        note = self._note
        durability = cast("Durability", note.durability)
        store = SqliteStore(self._folder.store(note.execution), durability=durability)
        places = PluginPlaces.read(note.plugins, note.plugin_dirs)
        options: dict[str, Any] = {
            **self._settings.engine_options(),
            "registry": installed(self._settings, places),
            "store": store,
            "concurrency": note.concurrency,
            "outbound_allow": note.allow,
        }
        return Engine(**options)

    async def _follow(
        self, engine: Engine, document: Any, interrupts: Interrupts
    ) -> tuple[Result, int]:
        note = self._note
        dependencies = node_dependencies(document)
        progress = Progress(document["name"], list(dependencies), self._since)
        view = self._view(progress, dependencies)
        view.begin()
        view.say(f"execution {self._execution}, {engine.durability}")
        try:
            result = await follow(engine, self._execution, progress, view, interrupts)
        finally:
            view.end()
        if self._execution == note.latest:
            note.status = str(result.status)
            self._write_note()
        return result, _exit_code(result, interrupts)

    def _view(self, progress: Progress, dependencies: Mapping[str, Sequence[str]]) -> View:
        console = self._console
        if sys.stderr.isatty() and not console.is_dumb_terminal:
            return Screen(console, progress, dependencies)
        return Lines(console, progress)

    def _write_note(self) -> None:
        try:
            self._folder.write(self._note)
        except OSError as error:
            message = f"{self._folder.path} cannot be written: {error.strerror}"
            raise CommandFailed.single(Exit.STORE, "store", message) from error

    def _stop_at_once(self) -> None:
        self._console.show_cursor()
        command = f"wf run --resume {self._execution}"
        self._console.print(Text(f"stopped; `{command}` brings it to its end"), soft_wrap=True)


async def _submit(engine: Engine, given: Given, note: Note) -> None:
    try:
        await engine.submit(given.workflow, given.input, execution_id=note.execution)
    except DocumentRefused as refused:
        about_input = all(
            f"{problem.pointer}/".startswith("/input/") for problem in refused.problems
        )
        if about_input and not given.input_beside_dag:
            raise CommandFailed(Exit.REFUSED, refused.problems, title="--input") from refused
        raise CommandFailed(
            Exit.REFUSED, refused.problems, title=given.path, source=given.text
        ) from refused
    try:
        await engine.trigger(note.execution, note.trigger)
    except DocumentRefused as refused:
        title = "--set" if note.trigger else "--input"
        raise CommandFailed(Exit.REFUSED, refused.problems, title=title) from refused


def _never_stored(note: Note) -> CommandFailed:
    message = f"execution {note.execution} was not stored before its process ended"
    return CommandFailed.single(
        Exit.NOT_FOUND, "execution.not_found", message, f"run it again: {note.command}"
    )


def _exit_code(result: Result, interrupts: Interrupts) -> int:
    if result.status is Status.COMPLETED:
        return Exit.OK
    if result.status is Status.CANCELLED:
        return interrupts.exit_code
    return Exit.FAILED
