"""Log lines of engine, server, plugins and handlers: on standard error, for people or machines.

All of them are records of Python's `logging`; structlog renders them. On a terminal they stand
above the picture that lives there, because they go through the same console.
"""

import logging
import time
import traceback
from typing import Any, Final

import structlog
from rich.console import Console
from rich.text import Text

from wfcore.cli.wording import printable
from wfcore.engine.failed_nodes import FAILED_NODES
from wfcore.settings import LogFormat, Settings

__all__ = ["log_to"]

_Entry = structlog.typing.EventDict

_SHOWN: Final = ("execution", "node", "error")
"""What a record may carry beside its message. Of anything else nobody knows that it is masked."""
_TALKATIVE: Final = ("aiokafka", "httpx", "httpcore", "uvicorn.error")


def log_to(console: Console, settings: Settings, *, shows_failures: bool = False) -> None:
    """Write log records to a console, from the level and in the format of the settings.

    `shows_failures`: the command itself tells which nodes fail, no log line repeats it.
    """
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    root.addHandler(_ConsoleLog(console, settings.log_format))
    # What they say below a warning is for those who look for it.
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    if shows_failures:
        logging.getLogger(FAILED_NODES).setLevel(logging.CRITICAL)


class _ConsoleLog(logging.Handler):
    def __init__(self, console: Console, wanted: LogFormat) -> None:
        super().__init__()
        self._console = console
        self._coloured = wanted == "pretty" or (wanted == "auto" and _has_colours(console))
        self.setFormatter(_json_lines() if wanted == "json" else _lines(coloured=self._coloured))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            if self._coloured and not self._console.is_terminal:
                # The console would take the colours away that were asked for.
                self._console.file.write(f"{line}\n")
                self._console.file.flush()
                return
            text = Text.from_ansi(line) if self._coloured else Text(line)
            self._console.print(text, soft_wrap=True)
        except Exception:  # noqa: BLE001 - as in logging itself, a line that fails stops nobody
            self.handleError(record)


def _has_colours(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and not console.no_color


def _json_lines() -> logging.Formatter:
    # ASCII only: an escape sequence in a message is text here, not an order to a terminal.
    return _formatter(structlog.processors.JSONRenderer(ensure_ascii=True, default=str))


def _lines(*, coloured: bool) -> logging.Formatter:
    return _formatter(_harmless, structlog.dev.ConsoleRenderer(0, colors=coloured, sort_keys=False))


def _formatter(*processors: structlog.typing.Processor) -> logging.Formatter:
    formatter = structlog.stdlib.ProcessorFormatter
    return formatter(
        foreign_pre_chain=[_told],
        processors=[formatter.remove_processors_meta, *processors],
        use_get_message=True,
    )


def _told(_: Any, __: str, entry: _Entry) -> _Entry:
    """Make an entry of what is shown of a record."""
    record: logging.LogRecord = entry["_record"]
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    told: dict[str, Any] = {
        "timestamp": f"{seconds}.{int(record.msecs):03}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": entry["event"],
    }
    told |= {name: getattr(record, name) for name in _SHOWN if hasattr(record, name)}
    # As text, and never with the values of local variables: secrets are among them. `exc_text`
    # is there where the exception was masked.
    exception = record.exc_text or _traceback(record)
    if exception:
        told["exception"] = exception
    if record.stack_info:
        told["stack"] = record.stack_info
    return {**told, "_record": record, "_from_structlog": False}


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")


def _harmless(_: Any, __: str, entry: _Entry) -> _Entry:
    """Make control characters visible, and indent further lines: no text can forge a line."""
    for name, value in entry.items():
        if isinstance(value, str):
            entry[name] = printable(value).replace("\n", "\n    ")
    return entry
