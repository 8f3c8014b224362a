"""Receiving records: a supervised consumer that holds back when workers are busy."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from wfcore.bus.arrivals import Arrivals
from wfcore.bus.contract import Task
from wfcore.bus.kafka.brokers import KafkaBrokers
from wfcore.bus.kafka.offsets import Offsets
from wfcore.bus.record import MalformedRecord, read_record

__all__ = ["Receiver"]

_log = logging.getLogger(__name__)
_MOST_AT_HAND: Final = 64
_POLL_MS: Final = 500
_SATURATED_SECONDS: Final = 1.0
_COMMIT_SECONDS: Final = 1.0
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 1.0
_METADATA_MS: Final = 10_000
_REQUEST_MS: Final = 40_000
"""Joining a group is one request, which waits for all of its members."""

Refused = Callable[[Any, MalformedRecord], None]


class Receiver:
    """One consumer of a group; what it polls waits in `arrivals`."""

    def __init__(
        self,
        brokers: KafkaBrokers,
        topics: Collection[str],
        group: str,
        arrivals: Arrivals,
        refused: Refused,
        partitions: int,
    ) -> None:
        self._brokers = brokers
        self._topics = tuple(topics)
        self._group = group
        self._arrivals = arrivals
        self._refused = refused
        self._partitions = partitions
        self._offsets = Offsets()
        self._read_to: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self.healthy = False

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def claim(self, tasks: list[Task]) -> None:
        """Take note that hints need not come again."""
        self._offsets.claim(tasks)

    async def close(self) -> None:
        """Commit what is claimed, and leave the group, within some seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=2 * _STOP_SECONDS)

    def lag(self) -> Mapping[str, int]:
        """Count the records that wait in the partitions of this consumer, by topic."""
        found: dict[str, int] = {}
        consumer = self._consumer
        if consumer is not None:
            for partition in consumer.assignment() & self._read_to.keys():
                waiting = (consumer.highwater(partition) or 0) - self._read_to[partition]
                found[partition.topic] = found.get(partition.topic, 0) + max(waiting, 0)
        return found

    async def _run(self) -> None:
        while True:
            consumer = self._new_consumer()
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await self._brokers.create_topics(self._topics, self._partitions)
                    await consumer.start()
                self._consumer = consumer
                await self._poll(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("hints cannot be received from Kafka: %r", error)
            finally:
                self.healthy, self._consumer = False, None
                await self._stop(consumer)
            await asyncio.sleep(_PAUSE_SECONDS)

    def _new_consumer(self) -> AIOKafkaConsumer:
        options: dict[str, Any] = {**self._brokers.options(), "request_timeout_ms": _REQUEST_MS}
        consumer = AIOKafkaConsumer(
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=_METADATA_MS,
            **options,
        )
        consumer.subscribe(self._topics, listener=_Rebalance(self))
        return consumer

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        loop = asyncio.get_running_loop()
        commit_at = loop.time() + _COMMIT_SECONDS
        while True:
            # A saturated process goes on polling, so that the group does not think it dead.
            has_room = await self._arrivals.below(_MOST_AT_HAND, _SATURATED_SECONDS)
            partitions = consumer.assignment()
            if has_room:
                consumer.resume(*consumer.paused())
            else:
                consumer.pause(*partitions)
            wait_ms = _POLL_MS if has_room else 0
            found = await consumer.getmany(timeout_ms=wait_ms, max_records=_MOST_AT_HAND)
            self.healthy = bool(partitions)
            for partition, records in found.items():
                self._read(partition, records)
            if loop.time() >= commit_at:
                commit_at = loop.time() + _COMMIT_SECONDS
                await self._commit(consumer)

    def _read(self, partition: TopicPartition, records: Any) -> None:
        for record in records:
            tasks: list[Task] = []
            try:
                tasks = read_record(record.value)
            except MalformedRecord as error:
                self._refused(record, error)
            self._offsets.add(partition, record.offset, tasks)
            self._arrivals.put(tasks)
            self._read_to[partition] = record.offset + 1

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what is claimed; what cannot be committed comes again, and ends as stale."""
        assigned = consumer.assignment()
        offsets = {each: at for each, at in self._offsets.committable().items() if each in assigned}
        if not offsets:
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            _log.debug("offsets were not committed: %r", error)

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Let go of partitions, and of their hints that nobody took."""
        if self._consumer is not None:
            await self._commit(self._consumer)
        gone = self._offsets.revoke(set(partitions))
        self._arrivals.drop(gone.__contains__)

    async def _stop(self, consumer: AIOKafkaConsumer) -> None:
        """Stop a consumer; one that hangs is left behind (aiokafka #1101)."""

        async def leave() -> None:
            await self._commit(consumer)
            await consumer.stop()

        leaving = asyncio.get_running_loop().create_task(leave())
        await asyncio.wait({leaving}, timeout=_STOP_SECONDS)
        if not leaving.done():
            leaving.cancel()
        elif not leaving.cancelled():
            leaving.exception()


_Listener: Final[Any] = ConsumerRebalanceListener


class _Rebalance(_Listener):  # type: ignore[misc] # the driver has no types
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._receiver.revoked(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Do nothing: polling begins by itself."""
