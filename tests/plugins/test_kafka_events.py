"""The sink of Kafka with a driver that hangs, fails and comes back."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from wfcore.bus.kafka import events
from wfcore.bus.kafka.brokers import KafkaBrokers
from wfcore.bus.kafka.events import KafkaEvents

EVENT = {"id": "x/1", "data": {"execution_id": "x"}}


class Producer:
    """A driver's producer: the first ones hang where they are told to."""

    made: list["Producer"]
    hang_at: str

    def __init__(self, **_: Any) -> None:
        self.started = self.stopped = False
        self.sent = 0
        self.hangs = not self.made
        self.made.append(self)

    async def _do(self, what: str) -> None:
        if self.hangs and what == self.hang_at:
            await asyncio.Event().wait()

    async def start(self) -> None:
        await self._do("start")
        self.started = True

    async def stop(self) -> None:
        self.stopped = True

    async def send(self, *_: Any, **__: Any) -> "asyncio.Future[None]":
        assert self.started
        await self._do("send")
        self.sent += 1
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent


@pytest.fixture(params=["start", "send"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Producer]:
    async def create_topics(self: KafkaBrokers, names: Collection[str], partitions: int) -> None:
        pass

    made = list[Producer]()
    monkeypatch.setattr(Producer, "made", made, raising=False)
    monkeypatch.setattr(Producer, "hang_at", request.param, raising=False)
    monkeypatch.setattr(events, "AIOKafkaProducer", Producer)
    monkeypatch.setattr(KafkaBrokers, "create_topics", create_topics)
    return made


async def test_a_telling_that_is_cancelled_leaves_no_broken_producer(made: list[Producer]) -> None:
    sink = KafkaEvents(KafkaBrokers("nowhere:1"))
    telling = asyncio.create_task(sink.tell([EVENT]))
    await asyncio.sleep(0.01)
    telling.cancel()
    await asyncio.wait({telling})
    assert telling.cancelled()
    await sink.tell([EVENT])
    assert (made[0].stopped, made[1].sent) == (True, 1)
    await sink.close()
    assert made[1].stopped


async def test_a_telling_that_takes_too_long_leaves_no_broken_producer(
    made: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_TELL_SECONDS", 0.05)
    sink = KafkaEvents(KafkaBrokers("nowhere:1"))
    with pytest.raises(TimeoutError):
        await sink.tell([EVENT])
    await sink.tell([EVENT])
    assert (made[0].stopped, made[1].sent) == (True, 1)
    await sink.close()
