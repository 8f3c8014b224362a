"""Every error that `wfcore` raises, and the one record in which errors are stored and shown.

- `WfError`
  - `DocumentRefused`: a document, override or input has problems; nothing was stored
  - `ExecutionNotFound`: no execution of that id
  - `NodeNotFound`: the execution has no node of that key
  - `Conflict`: the request contradicts what the execution already is
  - `ExecutionFailed`: an awaited execution ended other than COMPLETED
  - `NodeError`: raised by handlers: one attempt failed, and how to go on
  - `Deferred`: raised by handlers: run the node again later; nothing failed
  - `PluginError`: a plugin cannot be used as asked
  - `EngineNotOpen`: an engine was used before its start or after its end
  - `StoreError`: the store did not answer or cannot be used
    - `CommandRefused`: the store cannot take this command, however often it is repeated
    - `StoreOwned`: another process owns the file
    - `StoreTooNew`: written by a newer format version
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from wfcore.problems import Problem

__all__ = [
    "CommandRefused",
    "Conflict",
    "Deferred",
    "DocumentRefused",
    "EngineNotOpen",
    "ErrorRecord",
    "ExecutionFailed",
    "ExecutionNotFound",
    "NodeError",
    "NodeNotFound",
    "PluginError",
    "StoreError",
    "StoreOwned",
    "StoreTooNew",
    "WfError",
]


class ErrorRecord(TypedDict):
    """The one shape of an error in the store, in events, in the API and in `{{ node.error }}`."""

    type: str
    message: str
    retryable: bool
    status: NotRequired[int]
    details: NotRequired[Any]


class WfError(Exception):
    """Base of every error of this library."""


class DocumentRefused(WfError):
    """A document, an override or an input was refused; `problems` holds everything found wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExecutionNotFound(WfError):
    """No execution has this id: it was never submitted here, or it is past its retention."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"no execution {execution_id!r}")


class NodeNotFound(WfError):
    """The execution's workflow has no node of this key."""

    def __init__(self, execution_id: str, key: str, hint: str | None = None) -> None:
        self.execution_id = execution_id
        self.key = key
        self.hint = hint
        super().__init__(f"execution {execution_id!r} has no node {key!r}")


class Conflict(WfError):
    """The request contradicts what the execution already is; `problem` says how."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class ExecutionFailed(WfError):
    """An awaited execution ended FAILED or CANCELLED.

    `errors` maps each failed node's key to its error; `node` and `error` are the first of them,
    None where no node failed (cancelled, or the execution's own timeout passed).
    """

    def __init__(
        self, execution_id: str, status: str, errors: Mapping[str, ErrorRecord], message: str
    ) -> None:
        self.execution_id = execution_id
        self.status = status
        self.errors = dict(errors)
        self.node = next(iter(self.errors), None)
        self.error = self.errors[self.node] if self.node is not None else None
        super().__init__(message)


class NodeError(WfError):
    """Raise it in a handler to say how an attempt failed and whether to try again.

    `retry_after` is the least delay in seconds before the next attempt. `status` is a protocol's
    own number (an HTTP status); `details` any JSON value that helps the reader.
    """

    def __init__(
        self,
        type: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
        details: Any = None,
    ) -> None:
        self.type = type
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        self.status = status
        self.details = details
        super().__init__(f"{type}: {message}")

    def record(self) -> ErrorRecord:
        """Return this error in the shape that is stored."""
        record = ErrorRecord(type=self.type, message=self.message, retryable=self.retryable)
        if self.status is not None:
            record["status"] = self.status
        if self.details is not None:
            record["details"] = self.details
        return record


class Deferred(WfError):
    """Raise it in a handler to run the node again later, from its beginning.

    Until then the node is WAITING, durably and without a worker. It is another attempt, but none of
    those that `retry` counts. `context.elapsed` tells how long all of it has taken.
    """

    def __init__(self, seconds: float, reason: str = "it asked to be run later") -> None:
        self.seconds = seconds
        self.reason = reason
        try:
            text = f"again in {seconds} s: {reason}"
        except Exception:  # noqa: BLE001 - what it was given is looked at later, under a guard
            text = "again later"
        super().__init__(text)


class PluginError(WfError):
    """A plugin, or a handler given to the engine, cannot be used as asked."""


class EngineNotOpen(WfError):
    """An engine was used before it was started, or after it was closed."""


class StoreError(WfError):
    """The store did not answer, or cannot be used; what was asked may or may not have happened."""


class CommandRefused(StoreError):
    """A command's own fault: it changed nothing, and would be refused again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.__cause__ = cause


class StoreOwned(StoreError):
    """Another process owns the store's file; `pid` is its process id, where it could be read."""

    def __init__(self, path: str, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"{path} is in use by {owner}; stop it, or choose another file")


class StoreTooNew(StoreError):
    """The store was written by a newer wfcore; upgrade this one, or open another store."""
