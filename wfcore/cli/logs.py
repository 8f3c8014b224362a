"""Log lines of engine, plugins and handlers, on standard error above the picture."""

import logging

from rich.console import Console
from rich.text import Text

from wfcore.cli.wording import printable

__all__ = ["log_to"]

_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


def log_to(console: Console, level: str) -> None:
    """Write log records from `level` on to a console."""
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(_ConsoleLog(console))
    # What they say below a warning is for those who look for it.
    for name in ("httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _ConsoleLog(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        where = getattr(record, "node", record.name)
        line = Text.assemble(
            (record.levelname.lower(), _STYLES.get(record.levelname, "dim")),
            f"  {where}: {printable(self.format(record))}",
        )
        self._console.print(line, soft_wrap=True)
