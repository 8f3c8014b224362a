"""The one thread that writes a SQLite store: group commit.

Commands that wait at the same moment are applied in one transaction; nobody is answered before it
is committed. An answer therefore means durable, and many answers cost one flush to disk.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

from wfcore.errors import CommandRefused, StoreError
from wfcore.store.clock import Clock
from wfcore.store.sqlite_file import SqliteFile
from wfcore.store.sqlite_ledger import SqliteLedger

__all__ = ["SqliteWriter"]

T = TypeVar("T")
Work = Callable[[SqliteLedger, int], T]
"""What a command does to the ledger at a time in milliseconds."""

_BATCH: Final = 512
_GRACE_MS: Final = 10_000
_ILL: Final = (sqlite3.Error, OSError, MemoryError)
_REFUSED: Final = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Those of SQLite's errors that are a command's own fault, not the file's."""


class _Command(NamedTuple):
    work: Work[Any]
    answer: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None


class SqliteWriter:
    """Runs commands against the ledger of one file, in order, in a thread of its own."""

    def __init__(self, file: SqliteFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._commands: queue.SimpleQueue[_Command | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._must_reload = False
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="wf-sqlite", daemon=True)

    async def start(self) -> None:
        """Open the file and load what is open; raises `StoreError`."""
        self._thread.start()
        await asyncio.wrap_future(self._opened)

    async def stop(self) -> None:
        """Finish the waiting commands and close the file."""
        with self._door:
            self._closed = True
            self._commands.put(None)
        await asyncio.to_thread(self._thread.join)

    def submit(self, work: Work[T]) -> "asyncio.Future[T]":
        """Queue a command; the future is done when its transaction is committed."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._put(_Command(work, answer, loop))
        return answer

    def call(self, work: Work[T]) -> T:
        """Run a command from any thread and wait for it."""
        answer: Future[T] = Future()
        self._put(_Command(work, answer, None))
        return answer.result()

    def _put(self, command: _Command) -> None:
        # Behind the door, so that nothing queues up after the last command and waits for ever.
        with self._door:
            if self._closed:
                raise StoreError(f"{self._file.path} is closed")
            self._commands.put(command)

    def _run(self) -> None:
        try:
            connection = self._file.writer()
            ledger = SqliteLedger(connection)
            ledger.load_open(self._clock())
        except BaseException as error:  # noqa: BLE001 - handed to whoever opens the store
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        while (batch := self._next_batch()) is not None:
            self._deliver(batch, self._answers(connection, ledger, batch))
        connection.close()

    def _next_batch(self) -> list[_Command] | None:
        first = self._commands.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _BATCH:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                break
            if command is None:
                self._commands.put(None)
                break
            batch.append(command)
        return batch

    def _answers(
        self, connection: sqlite3.Connection, ledger: SqliteLedger, batch: list[_Command]
    ) -> list[Any]:
        """Return each command's answer, or the error that it failed with."""
        try:
            return self._transact(connection, ledger, batch)
        except Exception as error:  # noqa: BLE001 - kept, and whoever asked gets it
            if isinstance(error, _ILL) and not isinstance(error, _REFUSED):
                return [self._failure(error)] * len(batch)
            if len(batch) == 1:
                return [CommandRefused(error)]
        return [self._answers(connection, ledger, [command])[0] for command in batch]

    def _failure(self, error: Exception) -> StoreError:
        failure = StoreError(f"{self._file.path}: {error}")
        failure.__cause__ = error
        return failure

    def _transact(
        self, connection: sqlite3.Connection, ledger: SqliteLedger, batch: list[_Command]
    ) -> list[Any]:
        """Apply a batch and commit it, or leave file and memory as they were."""
        now = self._clock()
        try:
            if self._must_reload:
                ledger.reset(now + _GRACE_MS)
                self._must_reload = False
            answers = [command.work(ledger, now) for command in batch]
            if ledger.is_dirty:
                connection.execute("BEGIN IMMEDIATE")
                ledger.flush()
                connection.execute("COMMIT")
                ledger.forget()
            ledger.evict_idle()
        except BaseException:
            # Memory is read back from the file by the next batch, in case the file is ill now.
            self._must_reload = True
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return answers

    def _deliver(self, batch: list[_Command], answers: list[Any]) -> None:
        waiting: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for command, answer in zip(batch, answers, strict=True):
            if command.loop is not None:
                assert isinstance(command.answer, asyncio.Future)
                waiting.setdefault(command.loop, []).append((command.answer, answer))
            else:
                _resolve(command.answer, answer)
        for loop, pairs in waiting.items():
            try:
                loop.call_soon_threadsafe(_resolve_all, pairs)
            except RuntimeError:
                # The caller's loop is closed: nobody waits for the answer any more.
                continue


def _resolve(future: "asyncio.Future[Any] | Future[Any]", answer: Any) -> None:
    if isinstance(answer, StoreError):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _resolve_all(pairs: "list[tuple[asyncio.Future[Any], Any]]") -> None:
    for future, answer in pairs:
        if not future.done():
            _resolve(future, answer)
