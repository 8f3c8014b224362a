"""Events on a Kafka topic, keyed by their execution."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from wfcore.bus.events import EventSink
from wfcore.bus.kafka.brokers import KafkaBrokers, quieten_driver
from wfcore.bus.kafka.sender import stop_producer

__all__ = ["KafkaEvents"]

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
        """One that has started, and did not fail."""
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return f"topic {self._topic} of Kafka at {self._brokers.bootstrap_servers}"

    async def open(self) -> None:
        """Do nothing: it connects when there is something to tell."""
        quieten_driver()

    async def close(self) -> None:
        """Disconnect."""
        self._drop()
        await self._left()

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send events, in order, and wait until all are acknowledged."""
        try:
            async with asyncio.timeout(_TELL_SECONDS):
                # What one that was dropped still sends comes before what is sent now.
                await self._left()
                await self._send(await self._connected(), events)
        except BaseException:
            # Also where it is cancelled: one that was interrupted may never send again.
            self._drop()
            raise

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
            producer = AIOKafkaProducer(
                acks="all", enable_idempotence=True, **self._brokers.options()
            )
            try:
                await producer.start()
            except BaseException:
                self._leave(producer)
                raise
            self._producer = producer
        return self._producer

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._leave(producer)

    def _leave(self, producer: AIOKafkaProducer) -> None:
        """Stop a producer in the background: who was cancelled must not wait for it."""
        task = asyncio.get_running_loop().create_task(stop_producer(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _left(self) -> None:
        if self._leaving:
            await asyncio.wait(set(self._leaving))
