"""Hints as records of a bus that leaves the process: JSON with a format version, no payload."""

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from wfcore.bus.contract import TASK_FORMAT, Task

__all__ = ["MalformedRecord", "by_queue", "read_record", "write_record"]

_AT_ONCE: Final = 8
"""Hints in one record: fewer records, and still several workers share a wide fan-out."""


class MalformedRecord(ValueError):
    """What came is no record of hints, or one of a newer format."""


def write_record(queue: str, tasks: Sequence[Task]) -> bytes:
    """Return the record of some tasks of one queue."""
    hints = [[task.execution, task.key, task.handler] for task in tasks]
    record = {"v": TASK_FORMAT, "q": queue, "t": hints}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def read_record(data: bytes | None) -> list[Task]:
    """Return the tasks of a record; raises `MalformedRecord`."""
    try:
        record: Any = json.loads(data or b"")
        if record["v"] > TASK_FORMAT:
            raise MalformedRecord(f"format {record['v']}; this wfcore knows {TASK_FORMAT}")
        tasks = [
            Task(*_texts(execution, key, record["q"], handler))
            for execution, key, handler in record["t"]
        ]
    except MalformedRecord:
        raise
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise MalformedRecord(f"no record of hints: {type(error).__name__}") from error
    return tasks


def by_queue(tasks: Iterable[Task]) -> Iterable[tuple[str, list[Task]]]:
    """Yield tasks by their queue, as many at a time as one record holds."""
    queues: dict[str, list[Task]] = {}
    for task in tasks:
        queues.setdefault(task.queue, []).append(task)
    for queue, some in queues.items():
        rest = iter(some)
        while batch := list(islice(rest, _AT_ONCE)):
            yield queue, batch


def _texts(*parts: Any) -> tuple[str, str, str, str]:
    for part in parts:
        if not isinstance(part, str):
            raise TypeError(part)
    execution, key, queue, handler = parts
    return execution, key, queue, handler
