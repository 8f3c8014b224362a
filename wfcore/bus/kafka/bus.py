"""A task bus on Kafka: hints only, a topic per queue.

A record is claimed in the store, then committed, long before its node ends: a slow node holds back
no partition, and a rebalance moves only what nobody claimed.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wfcore.bus.arrivals import Arrivals
from wfcore.bus.contract import Task
from wfcore.bus.kafka.brokers import KafkaBrokers, quieten_driver
from wfcore.bus.kafka.receiver import Receiver
from wfcore.bus.kafka.sender import Outgoing, Sender
from wfcore.bus.record import MalformedRecord, by_queue, write_record

__all__ = ["KafkaBus"]

_log = logging.getLogger(__name__)


class KafkaBus:
    """A `TaskBus` on Kafka. Brokers may be away at any time, also when it is opened.

    Topics are `<prefix>.tasks.<queue>`, made with so many `partitions` where they are missing, and
    `<prefix>.dlq` for records that nobody can read; workers are the group `<prefix>.workers`.
    """

    def __init__(self, brokers: KafkaBrokers, *, partitions: int = 8, prefix: str = "wf") -> None:
        self._brokers = brokers
        self.name = f"Kafka at {brokers.bootstrap_servers}"
        self._partitions = partitions
        self._prefix = prefix
        self._arrivals = Arrivals()
        self._sender: Sender | None = None
        self._receiver: Receiver | None = None

    @property
    def healthy(self) -> bool:
        """Whether records get through, and where this process receives, partitions are its own."""
        sends = self._sender is not None and self._sender.healthy
        return sends and (self._receiver is None or self._receiver.healthy)

    async def open(self, queues: Collection[str]) -> None:
        """Begin to connect; where Kafka is away, the store carries on without."""
        quieten_driver()
        self._sender = Sender(self._brokers, self._partitions)
        self._sender.start()
        if queues:
            self._receiver = Receiver(
                self._brokers,
                [self._topic(queue) for queue in queues],
                f"{self._prefix}.workers",
                self._arrivals,
                self._dead_letter,
                self._partitions,
            )
            self._receiver.start()

    async def close(self) -> None:
        """Stop receiving, send what waits, disconnect; within some seconds."""
        if self._receiver is not None:
            await self._receiver.close()
        if self._sender is not None:
            await self._sender.close()

    async def publish(self, tasks: Sequence[Task]) -> None:
        """Queue hints to be sent."""
        if self._sender is None:
            return
        for queue, some in by_queue(tasks):
            self._sender.send(Outgoing(self._topic(queue), write_record(queue, some)))

    async def take(self, limit: int) -> list[Task]:
        """Wait for hints."""
        return await self._arrivals.take(limit)

    def take_now(self, limit: int) -> list[Task]:
        """Return hints that are at hand."""
        return self._arrivals.take_now(limit)

    async def claimed(self, tasks: Sequence[Task]) -> None:
        """Let the records of hints be committed, with the next commit."""
        if self._receiver is not None:
            self._receiver.claim(list(tasks))

    async def lag(self) -> Mapping[str, int]:
        """Count the records that wait in this process's partitions, by queue."""
        found = self._receiver.lag() if self._receiver is not None else {}
        return {topic.removeprefix(self._topic("")): count for topic, count in found.items()}

    def _topic(self, queue: str) -> str:
        return f"{self._prefix}.tasks.{queue}"

    def _dead_letter(self, record: Any, error: MalformedRecord) -> None:
        _log.error("%s in %s, partition %s", error, record.topic, record.partition)
        headers = {
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "error": str(error),
        }
        if self._sender is not None:
            pairs = [(name, text.encode()) for name, text in headers.items()]
            self._sender.send(Outgoing(f"{self._prefix}.dlq", record.value or b"", pairs))
