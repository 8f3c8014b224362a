"""What a handler sees of the execution around it."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wfcore.errors import NodeError
from wfcore.outbound.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from wfcore.plugins.llm import LlmProvider

__all__ = ["HttpClient", "HttpResponse", "NodeContext"]


class NodeContext(ABC):
    """One attempt of one node, as its handler sees it.

    The methods that are not `async` may be called from any thread.
    """

    execution_id: str
    node: str
    """The node's key in its execution: its id, and an index path where it runs more than once."""
    handler: str
    """The name of the handler that runs."""
    workflow: str
    """What the workflow is called."""
    labels: Mapping[str, str]
    """Those of the workflow."""
    config: BaseModel
    """The config of this attempt; the values of secrets are in it where its handler takes them."""
    attempt: int
    """Counts the attempts of this node, from 1."""
    idempotency_key: str
    """The same at every attempt of this node: give it to services that must not act twice."""
    http: HttpClient

    @property
    @abstractmethod
    def logger(self) -> logging.Logger:
        """Its lines reach the process's log and, the last of them, the node's events."""

    @property
    @abstractmethod
    def elapsed(self) -> float:
        """Seconds since a worker first took this node, by the store's clock, waits included."""

    @property
    def now(self) -> datetime:
        """The moment, in UTC; where a test runs in virtual time, the moment there."""
        return datetime.now(UTC)

    @abstractmethod
    async def outputs(self) -> dict[str, dict[str, Any]]:
        """Return the outputs of the dependencies that COMPLETED, by node id."""

    @abstractmethod
    async def input(self) -> Any:
        """Return the execution's input, a JSON value; `{}` where none was given."""

    @abstractmethod
    def setting(self, name: str) -> str | None:
        """Return what the operator set for plugins under this name (`llm_provider`), or None."""

    def llm_provider(self, name: str) -> "LlmProvider | None":  # noqa: ARG002 - for the engine's
        """Return the provider of language models that a plugin registered by this name, or None."""
        return None

    @abstractmethod
    def notice(self, text: str) -> None:
        """Put a sentence on the execution's result, for whoever reads it."""

    @abstractmethod
    def progress(self, fraction: float | None, message: str = "") -> None:
        """Tell who is watching how far the attempt is: from 0 to 1, None where that is unknown."""

    @abstractmethod
    def emit(self, kind: str, data: Any) -> None:
        """Send a transient message, any JSON value, to whoever watches the execution; never stored.

        Nobody may be watching, and who cannot keep up loses the oldest.
        """

    @abstractmethod
    def meter(self, name: str, amount: float) -> None:
        """Add to what this attempt used: `context.meter("input_tokens", 512)`.

        Summed per execution and shown as its `usage`. An attempt that fails counts as well.

        Raises:
            ValueError: the amount or its sum is no finite number, or this is the 21st name.

        """

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """Whether the result is no longer wanted: cancelled, timed out, or its lease was lost."""

    def heartbeat(self) -> None:
        """Give a long synchronous loop a place to stop: raise once the result is not wanted.

        The lease needs no help: the engine renews it while the handler runs.

        Raises:
            NodeError: `Cancelled`.

        """
        if self.cancelled:
            raise NodeError("Cancelled", f"the result of {self.node!r} is no longer wanted")
