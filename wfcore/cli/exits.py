"""The exit codes of `wf`; docs/cli.md and `wf run --help` list them."""

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What the number says to a script."""

    OK = 0
    """The execution COMPLETED; every document is in order."""
    FAILED = 1
    """The execution FAILED, or the command itself did."""
    USAGE = 2
    """The command line, a setting or a plugin file cannot be used."""
    REFUSED = 3
    """The document, an override or the input was refused; nothing was started."""
    NOT_FOUND = 4
    """No such file, or no such execution."""
    STORE = 5
    """The store cannot be used: another process has it, it is too new, or the disk says no."""
    OPEN = 6
    """The time to wait is up, and the execution has not ended."""
    SERVER = 7
    """The server does not answer, cannot at the moment, or wants an API key that it knows."""
    INTERRUPTED = 130
    """Cancelled by Ctrl-C."""
    TERMINATED = 143
    """Cancelled by SIGTERM."""
