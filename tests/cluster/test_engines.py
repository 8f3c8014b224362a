"""Engines in one process on a cluster's store and bus: embedded workers, clients, idle ones."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis

from tests.engine.documents import node, workflow
from tests.servers.kafka import KafkaServer
from wfcore import Engine, NodeContext, Status, handler
from wfcore.bus.opening import kafka_bus
from wfcore.engine.watch import POLL_SECONDS
from wfcore.store.redis import RedisStore
from wfcore.store.shared import Heard, Taken

WIDE = workflow(
    node("first", "echoes", value=1),
    *(node(f"n{at}", "echoes", "first", value="{{ first.output.value }}") for at in range(20)),
)


@handler
async def echoes(value: int, context: NodeContext) -> int:
    """Return what it was given."""
    return value + 0 * len(context.node)


@pytest.mark.parametrize("bus", ["redis", "kafka"])
async def test_a_client_submits_and_waits_and_a_worker_elsewhere_runs(
    redis_url: str, kafka_server: KafkaServer, bus: str
) -> None:
    url = redis_url if bus == "redis" else kafka_server.url
    prefix = f"engines-{time.monotonic_ns()}"

    def new_bus() -> object:
        return url if bus == "redis" else kafka_bus(kafka_server.bootstrap, prefix=prefix)

    client = Engine(redis_url, bus=new_bus(), worker=False, handlers=[echoes])  # type: ignore[arg-type]
    worker = Engine(redis_url, bus=new_bus(), handlers=[echoes])  # type: ignore[arg-type]
    async with worker, client:
        result = await client.run(WIDE)
        assert result.status is Status.COMPLETED
        assert result.results == {f"n{at}": {"value": 1} for at in range(20)}
        assert worker.counters.completed == 21
        assert client.counters.completed == 0


async def test_an_id_that_comes_again_stands_for_the_new_execution_in_every_process(
    redis_url: str,
) -> None:
    """What another process keeps of the deleted one reaches no node of the new one."""

    @handler
    async def first(value: int) -> int:
        return value

    @handler(queue="far")
    async def second(value: int, given: int, context: NodeContext) -> list[Any]:
        return [value, given, (await context.outputs())["a"]["value"], await context.input()]

    def document(value: int) -> dict[str, Any]:
        return workflow(
            node("a", "first", value=value),
            node("b", "second", "a", value="{{ a.output.value }}", given=value),
        )

    async with (
        Engine(redis_url, handlers=[first, second]) as here,
        Engine(redis_url, handlers=[first, second], queues=["far"]) as elsewhere,
    ):
        for value in (1, 2, 3):
            await here.start_execution(document(value), {"n": value}, execution_id="again")
            result = await here.wait("again", timeout=20)
            assert result.results == {"b": {"value": [value, value, value, {"n": value}]}}
            assert (await elsewhere.result("again")).results == result.results
            await here.delete("again")


async def test_without_a_bus_workers_find_nodes_in_the_store(redis_url: str) -> None:
    async with (
        Engine(redis_url, worker=False, handlers=[echoes]) as client,
        Engine(redis_url, handlers=[echoes]) as worker,
    ):
        assert (await client.run(WIDE)).status is Status.COMPLETED
        assert worker.counters.sought > 0


class Deaf(RedisStore):
    """Hears nothing of what other processes do."""

    def listen(self, heard: Heard) -> None:
        pass


async def test_an_end_that_was_not_heard_is_waited_for_once(redis_url: str) -> None:
    async with (
        Engine(Deaf(redis_url), worker=False, handlers=[echoes]) as client,
        Engine(redis_url, handlers=[echoes]),
    ):
        ended = await client.run(WIDE)
        begun = time.monotonic()
        assert await client.wait(ended.execution_id) == ended
        assert time.monotonic() - begun < POLL_SECONDS / 2


async def test_who_started_an_execution_that_was_deleted_elsewhere_waits_for_the_next(
    redis_url: str,
) -> None:
    async with (
        Engine(Deaf(redis_url), worker=False, handlers=[echoes]) as client,
        Engine(redis_url, handlers=[echoes]) as elsewhere,
    ):
        await client.start_execution(WIDE, execution_id="again")
        await elsewhere.wait("again")
        await elsewhere.delete("again")
        await elsewhere.start_execution(WIDE, execution_id="again")
        for _ in range(2):
            assert (await client.wait("again", timeout=10)).status is Status.COMPLETED


class Counting(RedisStore):
    """Counts how often it is asked for work."""

    asked = 0

    async def take(
        self,
        wanted: Sequence[tuple[str, str]],
        token: int,
        limit: int,
        *,
        lease_ms: int,
        age_ms: int,
    ) -> list[Taken]:
        self.asked += 1
        return await super().take(wanted, token, limit, lease_ms=lease_ms, age_ms=age_ms)


async def test_an_idle_worker_asks_the_store_at_most_twice_a_second(redis_url: str) -> None:
    store = Counting(redis_url)
    async with Engine(store, bus=redis_url, handlers=[echoes]):
        begun = time.monotonic()
        await asyncio.sleep(2.2)
        assert 1 <= store.asked <= 2 * (time.monotonic() - begun) + 1


async def test_a_closed_worker_is_no_longer_announced(redis_url: str) -> None:
    async with Engine(redis_url, handlers=[echoes], queues=["gpu"]) as engine:
        async with asyncio.timeout(10):
            while not (workers := await engine.vitals.workers()):
                await asyncio.sleep(0.02)
        assert workers[0].queues == ("gpu",)
        assert "echoes" in workers[0].handlers
    with Redis.from_url(redis_url) as client:
        assert client.keys("wf:worker:*") == []


async def test_how_long_nodes_waited_and_ran_is_taken_note_of(redis_url: str) -> None:
    async with Engine(redis_url, bus=redis_url, handlers=[echoes]) as engine:
        await engine.run(WIDE)
        timings = engine.vitals.timings
        assert sum(timings.run["echoes"].counts) == 21
        assert 0 < sum(timings.wait["echoes"].counts) <= 21
        assert sum(timings.store.counts) > 0
