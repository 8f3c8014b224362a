"""Lists of executions: each status is kept in order, and the rest of a filter is tried here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from wfcore.store.contract import ExecutionRecord, Filter, Page
from wfcore.store.cursor import read_cursor
from wfcore.store.redis.lane import Lane
from wfcore.workflow.states import Status

__all__ = ["search"]

_PAGE: Final = 200


class _Reader(Protocol):
    async def read(self, execution: str) -> ExecutionRecord | None: ...
    async def is_retried(self, execution: str) -> bool: ...


async def search(
    store: _Reader, lanes: Sequence[Lane], wanted: Filter, after: str, limit: int
) -> Page:
    """Return a page of what a filter lets through, the newest first."""
    found: list[ExecutionRecord] = []
    async for record in _candidates(store, lanes, wanted, read_cursor(after)):
        if await _is_wanted(store, record, wanted):
            found.append(record)
            if len(found) > limit:
                break
    more = str(found[limit - 1].number) if len(found) > limit else ""
    return Page(found[:limit], more)


async def _candidates(
    store: _Reader, lanes: Sequence[Lane], wanted: Filter, below: int | None
) -> AsyncIterator[ExecutionRecord]:
    statuses = [str(status) for status in wanted.statuses or Status]
    while True:
        pages = await asyncio.gather(*(lane.ask("list", statuses, below, _PAGE) for lane in lanes))
        listed = sorted((tuple(each) for page in pages for each in page), reverse=True)[:_PAGE]
        records = await asyncio.gather(*(store.read(identifier) for _, identifier in listed))
        for (number, _), record in zip(listed, records, strict=True):
            # Between the list and the look it may have been deleted, or gone on.
            if record is not None and record.number == number and str(record.status) in statuses:
                yield record
        if len(listed) < _PAGE:
            return
        below = listed[-1][0]


async def _is_wanted(store: _Reader, record: ExecutionRecord, wanted: Filter) -> bool:
    if not (
        wanted.name in (None, record.name)
        and wanted.retry_of in (None, record.retry_of)
        and (wanted.created_from is None or record.created >= wanted.created_from)
        and (wanted.created_before is None or record.created < wanted.created_before)
        and wanted.labels.items() <= record.labels.items()
    ):
        return False
    return wanted.retried is None or await store.is_retried(record.id) is wanted.retried
