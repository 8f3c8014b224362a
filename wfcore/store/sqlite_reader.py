"""A read-only connection to a SQLite store, in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from wfcore.errors import StoreError
from wfcore.store.sqlite_file import SqliteFile

__all__ = ["SqliteReader"]


class SqliteReader:
    """Queries, one after another. What is slow gets a reader of its own beside the quick one."""

    def __init__(self, file: SqliteFile, name: str) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"wf-sqlite-{name}")
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Connect; the writer has made the file by now."""
        self._connection = self._file.reader()

    async def close(self) -> None:
        """Finish what is asked, and disconnect."""
        connection, self._connection = self._connection, None
        await asyncio.to_thread(self._thread.shutdown)
        if connection is not None:
            connection.close()

    async def query(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """Return the rows of a query; raises `StoreError`."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self._file.path} is closed")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._thread, lambda: connection.execute(sql, values).fetchall()
            )
        except sqlite3.Error as error:
            raise StoreError(f"{self._file.path}: {error}") from error
