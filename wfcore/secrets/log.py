"""The process's log without secrets, whoever writes it: handlers, libraries, the event loop."""

import logging
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from wfcore.secrets.redactor import Redactor

__all__ = ["LogMask", "mask_record"]

_MOST_VALUES: Final = 256
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogMask:
    """Masks the values that it has learnt in every record that Python's `logging` makes.

    What a library logs of a request, or asyncio of a task that nobody awaited, comes from
    anywhere: so records are masked as they are made, for the whole process, from the first value
    on until `remove`.
    """

    def __init__(self) -> None:
        self._values: OrderedDict[str, None] = OrderedDict()
        self._redactor: Redactor | None = None
        self._lock = threading.Lock()
        self._before: Callable[..., logging.LogRecord] = logging.LogRecord
        self._installed = False

    def learn(self, values: Iterable[str]) -> None:
        """Mask these values from now on; the oldest ones are forgotten after many."""
        with self._lock:
            new = False
            for value in values:
                new |= value not in self._values
                self._values[value] = None
                self._values.move_to_end(value)
            if not new:
                return
            while len(self._values) > _MOST_VALUES:
                self._values.popitem(last=False)
            self._redactor = Redactor(self._values)
            if not self._installed:
                self._installed = True
                self._before = logging.getLogRecordFactory()
                logging.setLogRecordFactory(self._record)

    def remove(self) -> None:
        """Forget everything; where somebody else made records since, they go on through here."""
        with self._lock:
            self._values.clear()
            self._redactor = None
            if self._installed and logging.getLogRecordFactory() == self._record:
                logging.setLogRecordFactory(self._before)
                self._installed = False

    def _record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._before(*args, **kwargs)
        redactor = self._redactor
        if redactor is not None:
            mask_record(record, redactor)
        return record


def mask_record(record: logging.LogRecord, redactor: Redactor) -> None:
    """Mask a record in place: its message, its exception, its stack, and what was added to it.

    A record with nothing to mask stays as it is.
    """
    said = _said(record)
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


def _masked(value: Any, redactor: Redactor) -> Any:
    if value is None or isinstance(value, str | int | float):
        return redactor.details(value)
    shown = repr(value)
    masked = redactor.text(shown)
    return value if masked == shown else masked


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - as in logging itself, a wrong format fails nobody
        record.msg, record.args = f"{record.msg!r} with {record.args!r}", None
        return str(record.msg)
