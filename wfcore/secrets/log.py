"""The process's log without secrets, whoever writes it: handlers, libraries, the event loop."""

import logging
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from wfcore.secrets.redactor import Redactor

__all__ = ["LogMask", "mask_logs", "mask_record", "record_text"]

_MOST_VALUES: Final = 256
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def mask_logs(values: Iterable[str]) -> None:
    """Mask these values in every record that Python's `logging` makes in this process from now on.

    What a library logs of a request, or asyncio of a task that nobody awaited, comes from anywhere
    and at any time: so records are masked as they are made.
    """
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, LogMask):
        factory = LogMask(factory)
        logging.setLogRecordFactory(factory)
    factory.learn(values)


class LogMask:
    """Makes log records as they were made before, and masks what it has learnt in them."""

    def __init__(self, before: Callable[..., logging.LogRecord]) -> None:
        self._before = before
        self._values: OrderedDict[str, None] = OrderedDict()
        self._redactor = Redactor(())
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._before(*args, **kwargs)
        mask_record(record, self._redactor)
        return record

    def learn(self, values: Iterable[str]) -> None:
        """Mask these values as well; those that were used longest ago are forgotten after many."""
        with self._lock:
            learnt = self._values.copy()
            for value in values:
                learnt[value] = None
                learnt.move_to_end(value)
            while len(learnt) > _MOST_VALUES:
                learnt.popitem(last=False)
            if learnt.keys() != self._values.keys():
                # First: what cannot be masked is not kept either, and hides nothing else.
                self._redactor = Redactor(learnt)
            self._values = learnt


def mask_record(record: logging.LogRecord, redactor: Redactor) -> None:
    """Mask a record in place: its message, its exception, its stack, and what was added to it.

    A record with nothing to mask stays as it is.
    """
    said = record_text(record)
    masked = redactor.text(said)
    if masked != said:
        record.msg, record.args = masked, None
    if record.exc_info and record.exc_info[1] is not None:
        told = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
        hidden = redactor.text(told)
        if hidden != told:
            # Formatters write this text where there is no exception.
            record.exc_info, record.exc_text = None, hidden
    for name, value in list(vars(record).items()):
        if name in ("exc_text", "stack_info") or name not in _STANDARD:
            setattr(record, name, _masked(value, redactor))


def record_text(record: logging.LogRecord) -> str:
    """Return what a record says; one with a wrong format gets another one, and fails nobody."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments of others, with a `__str__` of their own
        record.msg, record.args = f"{record.msg!r} with {record.args!r}", None
        return str(record.msg)


def _masked(value: Any, redactor: Redactor) -> Any:
    if value is None or isinstance(value, str | int | float):
        return redactor.details(value)
    shown = repr(value)
    masked = redactor.text(shown)
    return value if masked == shown else masked
