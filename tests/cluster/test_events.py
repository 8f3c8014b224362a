"""Events on Kafka, messages between processes, and what operators see of a cluster."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.cluster.cluster import DIAMOND, Cluster
from tests.crash.service import Service
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.servers.topic import received_until

pytestmark = pytest.mark.timeout(120)


@contextmanager
def cluster(folder: Path, redis_url: str, bus: str, **service: Any) -> Iterator[Cluster]:
    with Service(**service) as ledger, Cluster(folder, ledger, redis_url, bus) as opened:
        yield opened


async def test_events_are_told_as_cloud_events_in_order_also_after_a_kill(
    tmp_path: Path, redis_url: str, kafka_server: KafkaServer
) -> None:
    with cluster(tmp_path, redis_url, kafka_server.url) as opened:
        await asyncio.to_thread(opened.server, APP_EVENTS="nodes")
        first = await asyncio.to_thread(opened.worker, APP_EVENTS="nodes")
        await asyncio.to_thread(opened.submit, 5)
        await asyncio.to_thread(opened.finish)
        first.kill()
        await asyncio.to_thread(opened.worker, APP_EVENTS="nodes")
        await asyncio.to_thread(opened.submit, 5)
        await asyncio.to_thread(opened.finish)
        wanted = {
            f"{execution}/{event['seq']}"
            for execution in opened.ids
            for event in opened.events(execution)
        }

        told = await received_until(
            kafka_server,
            f"{opened.prefix}.events",
            lambda found: wanted <= {_place(json.loads(each.value)) for each in found},
        )

    event = json.loads(told[0].value)
    assert (event["specversion"], event["source"], event["datacontenttype"]) == (
        "1.0",
        "/wfcore",
        "application/json",
    )
    assert dict(told[0].headers)["content-type"].startswith(b"application/cloudevents+json")
    _in_order(told)
    # However often an event is told, it has one id.
    assert len({json.loads(record.value)["id"] for record in told}) == len(wanted)
    kinds = {json.loads(record.value)["type"] for record in told}
    assert {"wfcore.execution.started", "wfcore.execution.completed"} <= kinds
    assert {"wfcore.node.running", "wfcore.node.completed"} <= kinds


def _in_order(told: list[Any]) -> None:
    """For each execution, each number comes for the first time after the one below it."""
    seen: dict[str, int] = {}
    for record in told:
        event = json.loads(record.value)
        execution, seq = event["data"]["execution_id"], event["data"]["seq"]
        assert record.key.decode() == execution
        assert seq <= seen.get(execution, 0) + 1
        seen[execution] = max(seq, seen.get(execution, 0))


def _place(event: Any) -> str:
    return f"{event['data']['execution_id']}/{event['data']['seq']}"


def test_a_server_streams_what_a_worker_does_and_another_server_resumes(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url, redis_url, seconds=0.1) as opened:
        opened.server()
        opened.worker()
        (execution,) = opened.submit(1)
        begun = time.monotonic()
        live = [event["seq"] for event in opened.events(execution)]
        # Told as it happens: five steps of a tenth of a second, not of a second each.
        assert time.monotonic() - begun < 4
        opened.server()
        assert [event["seq"] for event in opened.events(execution)] == live
        assert live == list(range(1, len(live) + 1))


def test_a_node_whose_handler_no_worker_has_says_so_and_runs_when_one_comes(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url, redis_url) as opened:
        opened.server()
        (execution,) = opened.submit(1)
        node = f"/workflows/{execution}/nodes/a"
        assert opened.ask("GET", node)["waiting_for"] == "no live worker has the handler 'call'"
        opened.worker()
        opened.finish()
        opened.judge(most_calls=len(DIAMOND))
        assert "waiting_for" not in opened.ask("GET", node)


def test_a_store_whose_memory_runs_out_takes_nothing_new(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    most = 20_000_000
    with (
        RedisServer(tmp_path / "redis", "--maxmemory", str(most)) as redis,
        cluster(tmp_path, redis.url, redis.url) as opened,
    ):
        opened.server()
        opened.worker()
        opened.submit(3)
        with Redis(port=redis.port) as client:
            # Buffers that come and go count too: what is full has to be so for a while.
            full_since = time.monotonic()
            while time.monotonic() - full_since < 1.1:
                if client.info("memory")["used_memory"] < 0.95 * most:
                    client.rpush("ballast", b"x" * 60_000)
                    full_since = time.monotonic()
                else:
                    time.sleep(0.02)
            with pytest.raises(AssertionError, match=r"^Retry-After 10: .*store\.full"):
                opened.submit_now()
            client.delete("ballast")
        time.sleep(1.1)
        opened.submit(1)
        opened.finish()


def test_server_metrics_count_what_the_store_holds(tmp_path: Path, redis_url: str) -> None:
    with cluster(tmp_path, redis_url, redis_url) as opened:
        opened.server()
        opened.submit(2)
        told = opened.server_metrics()
        assert told['wf_executions{status="RUNNING"}'] == 2
        assert told['wf_ready_nodes{handler="call",queue="default"}'] == 2
        assert told['wf_ready_oldest_seconds{handler="call",queue="default"}'] >= 0
