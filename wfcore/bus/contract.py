"""The bus contract: how a hint that a node is READY reaches a worker.

A bus may lose, repeat, delay and reorder anything. The store alone decides: a worker that takes a
hint leases the node there, and stale hints end there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

__all__ = ["TASK_FORMAT", "Task", "TaskBus"]

TASK_FORMAT: Final = 1
"""Version of the task record on buses that leave the process."""


class Task(NamedTuple):
    """The hint that a node can be run (or its join judged). It carries no payload."""

    execution: str
    key: str
    queue: str
    handler: str


class TaskBus(Protocol):
    """Carries tasks by queue. All buses pass `tests/conformance`."""

    @property
    def name(self) -> str:
        """What it is and where, for people: without credentials."""

    @property
    def healthy(self) -> bool:
        """Whether hints travel now; while they do not, idle workers ask the store sooner."""

    async def open(self, queues: Collection[str]) -> None:
        """Connect, and subscribe to the queues that this process works on (none: publish only)."""

    async def close(self) -> None:
        """Stop taking, flush what was published, disconnect; bounded in time."""

    async def publish(self, tasks: Sequence[Task]) -> None:
        """Send hints. Never raises for a broker that is gone: the store will say it again."""

    async def take(self, limit: int) -> list[Task]:
        """Wait for hints, at least one, and return up to `limit` of them.

        Not being called means saturated: the bus keeps its connection and holds hints back.
        """

    def take_now(self, limit: int) -> list[Task]:
        """Return up to `limit` hints that are at hand, without waiting; none is a good answer."""

    async def claimed(self, tasks: Sequence[Task]) -> None:
        """Say that tasks which `take` returned are leased, or stale: they need not come again."""

    async def lag(self) -> Mapping[str, int]:
        """Count what waits on the bus, by queue, as far as this process can know."""
