"""Reading a topic of a Kafka from its beginning, as any other service would."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from tests.servers.kafka import KafkaServer

__all__ = ["received", "received_until"]

_PATIENCE: Final = 40.0


async def received(kafka: KafkaServer, topic: str, count: int) -> list[Any]:
    """Return so many records."""
    return await received_until(kafka, topic, lambda found: len(found) == count)


async def received_until(
    kafka: KafkaServer, topic: str, are_all: Callable[[Sequence[Any]], bool]
) -> list[Any]:
    """Return records until they are all that is wanted."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(_PATIENCE):
            while not are_all(found):
                found.append(await consumer.getone())
    finally:
        await consumer.stop()
    return found
