"""Events on a Kafka topic, keyed by their execution."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from wfcore.bus.events import EventSink
from wfcore.bus.kafka.brokers import KafkaBrokers, quieten_driver
from wfcore.bus.kafka.sender import stop_producer

__all__ = ["KafkaEvents"]

_log = logging.getLogger(__name__)
_TELL_SECONDS: Final = 10.0
_CONTENT_TYPE: Final = b"application/cloudevents+json; charset=UTF-8"


class KafkaEvents(EventSink):
    """Events keyed by their execution, acknowledged by all replicas before they count as told."""

    def __init__(
        self, brokers: KafkaBrokers, *, partitions: int = 8, topic: str = "wf.events"
    ) -> None:
        self._brokers = brokers
        self._partitions = partitions
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._is_away = False

    @property
    def name(self) -> str:
        return f"topic {self._topic} of Kafka at {self._brokers.bootstrap_servers}"

    async def open(self) -> None:
        """Do nothing: it connects when there is something to tell."""
        quieten_driver()

    async def close(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer)

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send events, in order, and wait until all are acknowledged."""
        try:
            async with asyncio.timeout(_TELL_SECONDS):
                await self._send(await self._connected(), events)
        except (KafkaError, OSError, TimeoutError) as error:
            if not self._is_away:
                _log.warning("events wait: %s does not take them: %r", self.name, error)
            self._is_away = True
            await self.close()
            raise
        self._is_away = False

    async def _send(self, producer: AIOKafkaProducer, events: Sequence[Mapping[str, Any]]) -> None:
        sent = [
            await producer.send(
                self._topic,
                json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(),
                event["data"]["execution_id"].encode(),
                headers=[("content-type", _CONTENT_TYPE)],
            )
            for event in events
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
