"""Engines whose handlers are isolated, their ends, and what is left of their processes."""

import os
import time
from pathlib import Path
from typing import Any

from tests.engine.acting import echo, noop
from tests.engine.documents import Json, workflow
from tests.isolation import handlers
from wfcore import Engine, Isolation, Result, RetryDefaults

__all__ = ["ended", "engine", "is_gone", "processes_of", "read_pids"]

DEADLINE = 20.0
QUICK = RetryDefaults(max_retries=0, base_backoff=0.01, retry_delay=0.0)


def engine(levels: dict[str, str] | None = None, processes: int = 2, **options: Any) -> Engine:
    """An engine whose handlers run in processes, but for what tests use beside them."""
    defaults: dict[str, Any] = {"retry": QUICK, "drain_seconds": 0.2}
    levels = {"noop": "task", "echo": "task", "*": "process"} if levels is None else levels
    return Engine(
        plugins=[handlers],
        handlers=[noop, echo],
        isolation=Isolation(levels, processes=processes),
        **(defaults | options),
    )


async def ended(opened: Engine, *nodes: Json, input: Any = None) -> Result:
    execution, _ = await opened.start_execution(workflow(*nodes), input or {})
    return await opened.wait(execution, timeout=DEADLINE)


def processes_of(opened: Engine) -> list[int]:
    return opened._parts.pool.processes


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has, though nobody has asked how."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return Path("/proc").is_dir()


def read_pids(note: Path, seconds: float = DEADLINE) -> list[int]:
    """Wait for what a handler writes of its processes."""
    end = time.monotonic() + seconds
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < end, f"nothing in {note}"
        time.sleep(0.01)
    return [int(pid) for pid in note.read_text().split()]
