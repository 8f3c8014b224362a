"""Sending records: in the background, bounded, given up when brokers are away."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from wfcore.bus.kafka.brokers import KafkaBrokers

__all__ = ["Outgoing", "Sender", "stop_producer"]

_log = logging.getLogger(__name__)
_MOST_WAITING: Final = 10_000
_START_SECONDS: Final = 10.0
_SEND_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 3.0


class Outgoing(NamedTuple):
    """A record to be sent; without a key it goes to any partition."""

    topic: str
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class Sender:
    """One producer, made anew when it cannot go on. What cannot be sent is dropped and counted."""

    def __init__(self, brokers: KafkaBrokers, partitions: int) -> None:
        self._brokers = brokers
        self._partitions = partitions
        self._waiting: deque[Outgoing] = deque(maxlen=_MOST_WAITING)
        self._to_send = asyncio.Event()
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._topics: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.healthy = False
        """Whether records get through."""
        self.dropped = 0

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, record: Outgoing) -> None:
        """Queue a record."""
        self.dropped += len(self._waiting) == _MOST_WAITING
        self._waiting.append(record)
        self._to_send.set()

    async def close(self) -> None:
        """Send what waits, within some seconds, and disconnect."""
        self._closing = True
        self._to_send.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2 * _CLOSE_SECONDS if self.healthy else 1.0)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)

    async def _run(self) -> None:
        while not self._closing:
            producer = AIOKafkaProducer(acks=1, **self._brokers.options())
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await producer.start()
                self._topics.clear()
                await self._send_all(producer)
            except (KafkaError, OSError, TimeoutError, AssertionError) as error:
                if self.healthy or not self._topics:
                    _log.warning("hints cannot be sent to Kafka: %r; the store has them", error)
                self.healthy = False
            finally:
                await stop_producer(producer)
            if not self._closing:
                self.dropped += len(self._waiting)
                self._waiting.clear()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _send_all(self, producer: AIOKafkaProducer) -> None:
        self.healthy = True
        while not (self._closing and not self._waiting):
            if not self._waiting:
                self._to_send.clear()
                await self._to_send.wait()
                continue
            record = self._waiting.popleft()
            async with asyncio.timeout(_SEND_SECONDS):
                await self._ensure(record.topic)
                sent = await producer.send(record.topic, record.value, headers=list(record.headers))
            self._in_flight.add(sent)
            sent.add_done_callback(self._sent)
            if not self.healthy:
                raise TimeoutError("the brokers do not take records")
        if self._in_flight:
            await asyncio.wait(set(self._in_flight), timeout=_CLOSE_SECONDS)

    async def _ensure(self, topic: str) -> None:
        if topic not in self._topics:
            await self._brokers.create_topics([topic], self._partitions)
            self._topics.add(topic)

    def _sent(self, sent: "asyncio.Future[Any]") -> None:
        self._in_flight.discard(sent)
        if sent.cancelled():
            return
        error = sent.exception()
        if error is not None:
            self.dropped += 1
            self.healthy = False
            if isinstance(error, UnknownTopicOrPartitionError):
                self._topics.clear()


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer; one that hangs is left behind (aiokafka #1101)."""
    stopping = asyncio.get_running_loop().create_task(producer.stop())
    await asyncio.wait({stopping}, timeout=_CLOSE_SECONDS)
    if not stopping.done():
        stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        stopping.result() if stopping.done() else None
