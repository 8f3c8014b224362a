"""Claim, then commit: up to where each partition's hints are claimed."""

from collections import deque
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from wfcore.bus.contract import Task

__all__ = ["Offsets"]


@dataclass(slots=True)
class _Record:
    offset: int
    unclaimed: int


@dataclass
class Offsets:
    """The records of this process that are not committed yet."""

    _records: dict[TopicPartition, deque[_Record]] = field(default_factory=dict)
    _by_task: dict[Task, deque[tuple[TopicPartition, _Record]]] = field(default_factory=dict)
    _claimed: dict[TopicPartition, int] = field(default_factory=dict)

    def add(self, partition: TopicPartition, offset: int, tasks: list[Task]) -> None:
        """Take note of a record and its hints; none where it was malformed."""
        record = _Record(offset, len(tasks))
        self._records.setdefault(partition, deque()).append(record)
        for task in tasks:
            self._by_task.setdefault(task, deque()).append((partition, record))
        self._advance(partition)

    def claim(self, tasks: list[Task]) -> None:
        """Take note that hints need not come again."""
        for task in tasks:
            places = self._by_task.get(task)
            if places is None:
                # Its partition went to another process.
                continue
            partition, record = places.popleft()
            if not places:
                del self._by_task[task]
            record.unclaimed -= 1
            self._advance(partition)

    def committable(self) -> dict[TopicPartition, int]:
        """Return the offsets to go on from after all that is claimed, and forget them."""
        claimed, self._claimed = self._claimed, {}
        return claimed

    def revoke(self, partitions: set[TopicPartition]) -> set[Task]:
        """Forget partitions; return the hints that only they brought."""
        for partition in partitions:
            self._records.pop(partition, None)
            self._claimed.pop(partition, None)
        gone: set[Task] = set()
        for task, places in list(self._by_task.items()):
            left = deque(place for place in places if place[0] not in partitions)
            if left:
                self._by_task[task] = left
            else:
                del self._by_task[task]
                gone.add(task)
        return gone

    def _advance(self, partition: TopicPartition) -> None:
        records = self._records.get(partition)
        while records and not records[0].unclaimed:
            self._claimed[partition] = records.popleft().offset + 1
