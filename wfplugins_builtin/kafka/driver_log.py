"""What the driver logs, bounded: while brokers are away it says the same four times a second."""

import logging
from typing import Final

__all__ = ["Seldom", "quieten_driver"]

_LOGGERS: Final = (
    *("aiokafka", "aiokafka.cluster", "aiokafka.conn"),
    *("aiokafka.producer.producer", "aiokafka.producer.sender"),
)
_SECONDS: Final = 30.0
_LONGEST: Final = 300
_MOST: Final = 1_000


class Seldom(logging.Filter):
    """Lets the same line through once in a while."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = (record.name, record.getMessage()[:_LONGEST])
        if record.created - self._last.get(line, float("-inf")) < _SECONDS:
            return False
        if len(self._last) >= _MOST:
            self._last.clear()
        self._last[line] = record.created
        return True


_SELDOM: Final = Seldom()


def quieten_driver() -> None:
    """Bound what the driver logs in this process."""
    for name in _LOGGERS:
        # Added once, however often it is asked for.
        logging.getLogger(name).addFilter(_SELDOM)
