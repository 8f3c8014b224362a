"""The folder `.wf/runs`: per execution of `wf run` one store, and beside it a note for resuming."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from wfcore.errors import StoreOwned
from wfcore.store.sqlite_file import SqliteFile

__all__ = ["KEPT", "Folder", "Note"]

KEPT: Final = 20
"""So many finished executions stay; older ones go with the next `wf run`."""


@dataclass(slots=True)
class Note:
    """What `--resume` needs beside the store. Paths are absolute; times seconds since the epoch."""

    execution: str
    file: str
    command: str
    """What the user typed, to be shown as the way to run the workflow again."""
    created: float
    plugins: tuple[str, ...] = ()
    plugin_dirs: tuple[str, ...] = ()
    trigger: dict[str, Any] | None = None
    """The trigger's body, should the process die between submission and trigger."""
    durability: str = "durable"
    concurrency: int = 100
    allow: tuple[str, ...] = ()
    """What HTTP requests may reach beside the internet."""
    status: str | None = None
    """How it ended; None until then, and where the process died before it could be written."""
    retries: tuple[str, ...] = ()
    """The executions in the same store that took it up again, the newest last."""

    @property
    def latest(self) -> str:
        """The execution that this is about now: the newest retry, where there is one."""
        return self.retries[-1] if self.retries else self.execution


class Folder:
    """The notes and stores of one place."""

    def __init__(self, path: Path = Path(".wf/runs")) -> None:
        self.path = path

    def store(self, execution: str) -> Path:
        """Return the path of an execution's store."""
        return self.path / f"{execution}.db"

    def write(self, note: Note) -> None:
        """Put a note down, whole or not at all; raises `OSError`."""
        self.path.mkdir(parents=True, exist_ok=True)
        written = self.path / f"{note.execution}.json.{os.getpid()}"
        written.write_text(json.dumps(asdict(note), ensure_ascii=False), encoding="utf-8")
        written.replace(self._note(note.execution))

    def read(self, execution: str) -> Note | None:
        """Return the note of an execution, or None."""
        if Path(execution).name != execution:
            return None
        own = _read(self._note(execution))
        return own or next((note for note in self._notes() if execution in note.retries), None)

    def newest_retryable(self) -> Note | None:
        """Return the newest execution that ended without being COMPLETED."""
        ended = [note for note in self._notes() if note.status in ("FAILED", "CANCELLED")]
        return max(ended, key=lambda note: note.created, default=None)

    def newest_unfinished(self) -> tuple[Note | None, StoreOwned | None]:
        """Return the newest unfinished execution that no process is at work on.

        Where there is none, the second value says who has the newest that is in use, if one is.
        """
        in_use: StoreOwned | None = None
        unfinished = [note for note in self._notes() if note.status is None]
        for note in sorted(unfinished, key=lambda note: note.created, reverse=True):
            try:
                with self._owned(note.execution):
                    return note, None
            except StoreOwned as owned:
                in_use = in_use or owned
        return None, in_use

    def prune(self) -> None:
        """Delete all but the newest finished executions; what is in use stays."""
        finished = [note for note in self._notes() if note.status is not None]
        finished.sort(key=lambda note: note.created, reverse=True)
        for note in finished[KEPT:]:
            with contextlib.suppress(StoreOwned), self._owned(note.execution):
                self.delete(note.execution)

    def delete(self, execution: str) -> None:
        """Delete an execution's store and its note, the note last."""
        store = self.store(execution)
        for path in (*(Path(f"{store}{end}") for end in _STORE_ENDS), self._note(execution)):
            path.unlink(missing_ok=True)

    def _note(self, execution: str) -> Path:
        return self.path / f"{execution}.json"

    def _notes(self) -> Iterator[Note]:
        for path in self.path.glob("*.json"):
            note = _read(path)
            if note is not None:
                yield note

    @contextlib.contextmanager
    def _owned(self, execution: str) -> Iterator[None]:
        file = SqliteFile(self.store(execution), durable=False)
        file.own()
        try:
            yield
        finally:
            file.release()


_STORE_ENDS: Final = ("", "-wal", "-shm", ".lock")
_FIELDS: Final = {field.name for field in fields(Note)}


def _read(path: Path) -> Note | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Note(**{name: value for name, value in stored.items() if name in _FIELDS})
    except (OSError, ValueError, TypeError, AttributeError):
        # Deleted a moment ago by another process, or no note of ours.
        return None
