"""The SQLite file of a store: who owns it, its format version, its tables, its connections."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from wfcore.errors import StoreError, StoreOwned, StoreTooNew

__all__ = ["FORMAT", "SqliteFile"]

_APPLICATION_ID: Final = 0x77666372  # "wfcr", so that `file` and we know our own

# Migration N brings a file of version N to N + 1. They are never edited, only added to.
_MIGRATIONS: Final = (
    """
    CREATE TABLE document (plan TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE execution (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        plan TEXT NOT NULL,
        name TEXT NOT NULL,
        labels TEXT NOT NULL,
        input TEXT,
        created INTEGER NOT NULL,
        timeout INTEGER,
        status TEXT NOT NULL,
        halt TEXT NOT NULL,
        active INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        notices TEXT NOT NULL,
        started INTEGER,
        ended INTEGER,
        deadline INTEGER
    );
    CREATE INDEX execution_running ON execution (number) WHERE status = 'RUNNING';
    CREATE TABLE node (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL,
        token INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        lost INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        cursor INTEGER NOT NULL,
        deadline INTEGER,
        started INTEGER,
        ended INTEGER,
        queue TEXT NOT NULL,
        handler TEXT NOT NULL,
        PRIMARY KEY (execution, key)
    ) WITHOUT ROWID;
    CREATE TABLE result (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        output TEXT,
        error TEXT,
        PRIMARY KEY (execution, key)
    ) WITHOUT ROWID;
    CREATE TABLE event (
        execution INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (execution, seq)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE execution ADD COLUMN meters TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE node ADD COLUMN leased INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE execution ADD COLUMN retry_of TEXT;
    DROP INDEX execution_running;
    CREATE INDEX execution_status ON execution (status);
    CREATE INDEX execution_name ON execution (name);
    CREATE INDEX execution_plan ON execution (plan);
    CREATE INDEX execution_past ON execution (coalesce(ended, created)) WHERE status <> 'RUNNING';
    CREATE INDEX execution_retry ON execution (retry_of) WHERE retry_of IS NOT NULL;
    """,
)

FORMAT: Final = len(_MIGRATIONS)
"""The format version that this wfcore writes."""


class SqliteFile:
    """One file, owned by one process at a time.

    A lock on a file beside it says who: two owners would each trust their own memory of the rows.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        # Through whatever link it is named, one file has one lock.
        self.path = path.resolve()
        self._durable = durable
        self._lock: int | None = None

    def own(self) -> None:
        """Take ownership.

        Raises `StoreOwned` where another process (or store) has it, `StoreError` where the place
        cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be used as a store: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise StoreOwned(str(self.path), int(pid) if pid.isdigit() else None) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Give ownership up."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def writer(self) -> sqlite3.Connection:
        """Open the one connection that writes and checkpoints, and migrate the file."""
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be used as a store: {error}") from error
        return connection

    def reader(self) -> sqlite3.Connection:
        """Open a connection that only reads."""
        uri = f"file:{quote(str(self.path))}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        connection.execute("PRAGMA cache_size = -65536")
        for number in range(version, FORMAT):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_MIGRATIONS[number]} PRAGMA application_id = "
                f"{_APPLICATION_ID}; PRAGMA user_version = {number + 1}; COMMIT;"
            )

    def _version(self, connection: sqlite3.Connection) -> int:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != _APPLICATION_ID:
            raise StoreError(f"{self.path} is a database of another program")
        if version > FORMAT:
            raise StoreTooNew(
                f"{self.path} has format {version}, this wfcore knows {FORMAT}: upgrade wfcore"
            )
        return int(version)
