"""Deleting the rows of an execution from a SQLite file, some at a time.

One that is too large for one step is first renamed to what no user can name, so that nobody reads
half an execution; the rows go after that, its own row last.
"""

import sqlite3
from typing import Final

__all__ = ["fits_in_one_step", "hide", "remove"]

_PARTS: Final = {"event": "seq", "result": "key", "node": "key"}


def fits_in_one_step(db: sqlite3.Connection, number: int, limit: int) -> bool:
    """Whether each part of an execution has fewer rows than `limit`."""
    return all(
        db.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {part} WHERE execution = ? LIMIT ?)",
            (number, limit),
        ).fetchone()[0]
        < limit
        for part in _PARTS
    )


def hide(db: sqlite3.Connection, number: int) -> None:
    """Give an execution's id free. As old as can be, it is the first that is found to be past."""
    db.execute(
        "UPDATE execution SET id = '@' || number, created = 0, ended = 0 WHERE number = ?",
        (number,),
    )


def remove(db: sqlite3.Connection, number: int, plan: str, limit: int | None) -> None:
    """Delete all of a hidden execution, or with a `limit` so many rows of each part."""
    if limit is not None:
        for part, key in _PARTS.items():
            db.execute(
                f"DELETE FROM {part} WHERE execution = ? AND {key} IN "
                f"(SELECT {key} FROM {part} WHERE execution = ? LIMIT ?)",
                (number, number, limit),
            )
        return
    for part in _PARTS:
        db.execute(f"DELETE FROM {part} WHERE execution = ?", (number,))
    db.execute("DELETE FROM execution WHERE number = ?", (number,))
    db.execute(
        "DELETE FROM document WHERE plan = ? "
        "AND NOT EXISTS (SELECT 1 FROM execution e WHERE e.plan = document.plan)",
        (plan,),
    )
