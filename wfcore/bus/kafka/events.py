"""Events on a Kafka topic, keyed by their execution."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from wfcore.bus.events import EventRecord
from wfcore.bus.kafka.brokers import KafkaBrokers, quieten_driver
from wfcore.bus.kafka.sender import stop_producer

__all__ = ["KafkaEvents"]

_log = logging.getLogger(__name__)
_TELL_SECONDS: Final = 10.0


class KafkaEvents:
    """An `EventSink`: acknowledged by all replicas before an event counts as told."""

    def __init__(
        self, brokers: KafkaBrokers, *, partitions: int = 8, topic: str = "wf.events"
    ) -> None:
        self._brokers = brokers
        self._partitions = partitions
        self._topic = topic
        self.name = f"topic {topic} of Kafka at {brokers.bootstrap_servers}"
        self._producer: AIOKafkaProducer | None = None
        self._is_away = False

    async def open(self) -> None:
        """Do nothing: it connects when there is something to tell."""
        quieten_driver()

    async def close(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer)

    async def tell(self, records: Sequence[EventRecord]) -> bool:
        """Send records, in order, and wait until all are acknowledged."""
        try:
            async with asyncio.timeout(_TELL_SECONDS):
                await self._send(await self._connected(), records)
        except (KafkaError, OSError, TimeoutError) as error:
            if not self._is_away:
                _log.warning("events wait: %s does not take them: %r", self.name, error)
            self._is_away = True
            await self.close()
            return False
        self._is_away = False
        return True

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[EventRecord]) -> None:
        sent = [
            await producer.send(
                self._topic,
                record.value,
                record.key,
                headers=[("content-type", record.content_type.encode())],
            )
            for record in records
        ]
        await asyncio.gather(*sent)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            await self._brokers.create_topics([self._topic], self._partitions)
            self._producer = AIOKafkaProducer(
                acks="all", enable_idempotence=True, **self._brokers.options()
            )
            await self._producer.start()
        return self._producer
