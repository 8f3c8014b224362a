"""F7, F8, F12, F13 on a real Kafka: gone, empty, rebalancing, repeating itself, poisoned."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.cluster.cluster import DIAMOND, Cluster, Process
from tests.crash.service import Service
from tests.servers.kafka import KafkaServer
from tests.servers.topic import received

LEASE_SECONDS = 2.0

pytestmark = pytest.mark.timeout(240)


@contextmanager
def cluster(
    folder: Path, redis_url: str, kafka: KafkaServer, seconds: float = 0.02
) -> Iterator[Cluster]:
    with (
        Service(seconds=seconds) as service,
        Cluster(folder, service, redis_url, kafka.url, LEASE_SECONDS) as opened,
    ):
        opened.server()
        yield opened


def leases(opened: Cluster, workers: list[Process]) -> dict[str, float]:
    """Sum the leases of some workers by their source."""
    found: dict[str, float] = {}
    for worker in workers:
        for name, value in opened.metrics(worker).items():
            if name.startswith("wf_leases_total"):
                source = name.split('"')[1]
                found[source] = found.get(source, 0) + value
    return found


def until_healthy(opened: Cluster, workers: list[Process]) -> None:
    opened.until(
        lambda: all(opened.metrics(each)["wf_bus_healthy"] for each in workers),
        "all workers receive from Kafka",
    )


def test_with_kafka_well_leases_come_from_the_bus(
    tmp_path: Path, redis_url: str, kafka_server: KafkaServer
) -> None:
    with cluster(tmp_path, redis_url, kafka_server) as opened:
        workers = opened.workers(2)
        until_healthy(opened, workers)
        opened.submit(60)
        opened.finish()

        found = leases(opened, workers)

        assert found["kept"] > 0
        others = found["bus"] + found["store"] + found["sweep"]
        assert found["bus"] >= 0.9 * others
        opened.judge(most_calls=60 * len(DIAMOND))


@pytest.mark.parametrize("empty", [False, True], ids=["back", "back-and-empty"])
def test_kafka_gone_and_back_stops_nothing(tmp_path: Path, redis_url: str, empty: bool) -> None:
    with (
        KafkaServer(tmp_path / "kafka") as kafka,
        cluster(tmp_path, redis_url, kafka) as opened,
    ):
        workers = opened.workers(2)
        until_healthy(opened, workers)
        opened.submit(10)
        kafka.kill()
        before = leases(opened, workers)["store"]
        begun = time.monotonic()
        opened.submit(20)
        opened.finish()
        assert time.monotonic() - begun < 30
        assert leases(opened, workers)["store"] > before
        if empty:
            kafka.forget()
        kafka.start()

        def comes_from_kafka() -> bool:
            taken = leases(opened, workers)["bus"]
            opened.submit(5)
            opened.finish()
            return leases(opened, workers)["bus"] > taken

        opened.until(comes_from_kafka, "hints travel over Kafka again")
        opened.judge(most_calls=len(opened.ids) * len(DIAMOND))


def test_rebalances_while_nodes_run_start_nothing_twice(
    tmp_path: Path, redis_url: str, kafka_server: KafkaServer
) -> None:
    with cluster(tmp_path, redis_url, kafka_server, seconds=1.0) as opened:
        workers = opened.workers(1)
        for _ in range(3):
            opened.submit(8)
            workers += opened.workers(1)
            time.sleep(1.0)
            workers[0].send(signal.SIGTERM)
            assert workers.pop(0).ended(30) == 0
        opened.finish()
        opened.judge(most_calls=24 * len(DIAMOND))


async def test_poison_repeats_and_stale_hints_are_counted_and_harm_nobody(
    tmp_path: Path, redis_url: str, kafka_server: KafkaServer
) -> None:
    with cluster(tmp_path, redis_url, kafka_server) as opened:
        workers = await asyncio.to_thread(opened.workers, 1)
        await asyncio.to_thread(until_healthy, opened, workers)
        ids = await asyncio.to_thread(opened.submit, 3)
        await asyncio.to_thread(opened.finish)
        prefix = opened.prefix
        stale = json.dumps(
            {"v": 1, "q": "default", "t": [[ids[0], "a", "call"], ["no-such", "a", "call"]]}
        )
        poison = [b"\xff\xfe", b"{}", b'{"v":99,"q":"default","t":[]}', b"x" * 900_000]
        records = [*poison, *[stale.encode()] * 3]
        await _send(kafka_server, f"{prefix}.tasks.default", records)

        dead = await received(kafka_server, f"{prefix}.dlq", len(poison))

        assert sorted(record.value for record in dead) == sorted(poison)
        assert {name for name, _ in dead[0].headers} == {"topic", "partition", "offset", "error"}
        await asyncio.to_thread(
            opened.until,
            lambda: opened.metrics(workers[0])["wf_stale_hints_total"] >= 6,
            "stale hints are counted",
        )
        await asyncio.to_thread(opened.submit, 3)
        await asyncio.to_thread(opened.finish)
        await asyncio.to_thread(opened.judge, most_calls=6 * len(DIAMOND))


async def _send(kafka: KafkaServer, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()
