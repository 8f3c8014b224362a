"""Lists of executions, as queries of a SQLite store."""

from typing import Any, Final

from wfcore.store.contract import Filter

__all__ = ["PAST", "search_query"]

PAST: Final = (
    "SELECT id, number FROM execution WHERE status <> 'RUNNING' AND coalesce(ended, created) <= ? "
    "ORDER BY coalesce(ended, created), number LIMIT ?"
)
_RETRIES: Final = (
    # A retry of a deleted execution with the same id is older.
    "EXISTS (SELECT 1 FROM execution r WHERE r.retry_of = e.id AND r.number > e.number)"
)


def search_query(wanted: Filter, below: int | None, limit: int) -> tuple[str, list[Any]]:
    """Return the query of a page, the newest first, and its values."""
    # What is half deleted goes under a name that no user can give.
    terms = ["e.id NOT LIKE '@%'"]
    values: list[Any] = []

    def want(term: str, *given: Any) -> None:
        terms.append(term)
        values.extend(given)

    if below is not None:
        want("e.number < ?", below)
    if wanted.statuses:
        want(f"e.status IN ({_marks(wanted.statuses)})", *map(str, wanted.statuses))
    if wanted.name is not None:
        want("e.name = ?", wanted.name)
    for key, value in wanted.labels.items():
        want("EXISTS (SELECT 1 FROM json_each(e.labels) WHERE key = ? AND value = ?)", key, value)
    if wanted.created_from is not None:
        want("e.created >= ?", wanted.created_from)
    if wanted.created_before is not None:
        want("e.created < ?", wanted.created_before)
    if wanted.retry_of is not None:
        want("e.retry_of = ?", wanted.retry_of)
    if wanted.retried is not None:
        want(_RETRIES if wanted.retried else f"NOT {_RETRIES}")
    condition = " AND ".join(terms)
    sql = f"SELECT e.* FROM execution e WHERE {condition} ORDER BY e.number DESC LIMIT ?"
    return sql, [*values, limit]


def _marks(values: tuple[Any, ...]) -> str:
    return ", ".join("?" * len(values))
