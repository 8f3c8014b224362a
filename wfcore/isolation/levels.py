"""Where the operator wants handlers to run, by their names."""

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from wfcore.problems import did_you_mean

__all__ = ["InvalidIsolation", "Isolation", "Level", "read_levels"]

Level = Literal["task", "thread", "process"]
"""`task`: on the engine's loop; `thread`: a loop of its own; `process`: another process."""

_LEVELS: Final[tuple[Level, ...]] = get_args(Level)
_MOST_PROCESSES: Final = 1_000


class InvalidIsolation(ValueError):
    """What was given for the isolation of handlers cannot be used; the message says why."""


class Isolation:
    """The levels of handlers by their names or patterns of these; the first that fits counts.

    `processes` bounds the processes in which handlers run; None: as many as there are processors.

    Raises:
        InvalidIsolation: a level that is none, or a wrong number of processes.

    """

    def __init__(
        self, levels: Mapping[str, str] | None = None, *, processes: int | None = None
    ) -> None:
        self.levels: dict[str, Level] = {
            pattern: _level(pattern, level) for pattern, level in (levels or {}).items()
        }
        self.processes = _processes(processes)

    def level_of(self, handler: str) -> Level:
        """Return where the handler of this name runs."""
        for pattern, level in self.levels.items():
            if fnmatchcase(handler, pattern):
                return level
        return "task"


def read_levels(entries: Iterable[str]) -> dict[str, Level]:
    """Read entries such as `shout=process` and `acme.*=thread`.

    Raises:
        InvalidIsolation: naming the first entry that cannot be used.

    """
    levels: dict[str, Level] = {}
    for entry in entries:
        pattern, sign, level = (part.strip() for part in entry.partition("="))
        if not sign or not pattern:
            forms = "write shout=process or acme.*=thread"
            raise InvalidIsolation(f"{entry!r} is no handler with a level: {forms}")
        if pattern in levels:
            raise InvalidIsolation(f"{pattern!r} has two levels: only the first would count")
        levels[pattern] = _level(pattern, level)
    return levels


def _level(pattern: str, level: object) -> Level:
    for known in _LEVELS:
        if level == known:
            return known
    hint = did_you_mean(level, _LEVELS) if isinstance(level, str) else None
    message = f"{level!r}, for {pattern!r}, is no level: task, thread or process"
    raise InvalidIsolation(message + (f"; {hint}" if hint else ""))


def _processes(given: object) -> int:
    if given is None:
        return os.cpu_count() or 1
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= _MOST_PROCESSES:
        bounds = f"a whole number from 1 to {_MOST_PROCESSES}"
        raise InvalidIsolation(f"the number of processes is {given!r}; it has to be {bounds}")
    return given
