"""What a process is told: first of its engine, then of each attempt that it is to run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from wfcore.outbound.allow import AllowList
from wfcore.plugins.context import NodeContext

__all__ = ["Order", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for every attempt of an engine."""

    settings: Mapping[str, str]
    allow: Sequence[str]
    """What HTTP requests may reach beside the internet."""
    max_output_bytes: int
    log_level: int

    @property
    def longest_message(self) -> int:
        """The bound on what a process sends: an output in ASCII, where `ä` has six letters."""
        return 3 * self.max_output_bytes + 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt."""

    handler: str
    config: Any
    """Rendered, not yet validated: that is done where the handler is."""
    execution_id: str
    node: str
    attempt: int
    idempotency_key: str
    workflow: str
    labels: Mapping[str, str]
    elapsed: float
    bounds: Mapping[str, Sequence[str]]
    """The hosts that its secrets are bound to, by the secrets' names."""

    @classmethod
    def of(
        cls, handler: str, rendered: Any, context: NodeContext, bounds: Mapping[str, AllowList]
    ) -> Self:
        """Return the order for a rendered config."""
        return cls(
            handler,
            rendered,
            context.execution_id,
            context.node,
            context.attempt,
            context.idempotency_key,
            context.workflow,
            dict(context.labels),
            context.elapsed,
            {name: hosts.entries for name, hosts in bounds.items()},
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)
