"""`wf server`, `wf worker` and `wf doctor` as operators meet them: settings, refusals, signals."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.command import Folder
from tests.cluster.cluster import DIAMOND, Cluster
from tests.crash.service import Service
from tests.servers.kafka import KafkaServer
from tests.servers.process import free_port
from tests.servers.redis import RedisServer


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("command", ["server", "worker"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "a cluster needs a Redis: set APP_REDIS_HOST"),
        ({"APP_STORE_URL": "sqlite:///wf.db"}, "APP_STORE_URL is sqlite://"),
        ({"APP_REDIS_HOST": "127.0.0.1"}, "a cluster needs a bus"),
        ({"APP_STORE_URL": "redis://h/0", "APP_BUS_URL": "kafak://h"}, "did you mean"),
        ({"APP_STORE_URL": "redis+sentinel://h"}, "cannot be read"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(
    folder: Folder, command: str, settings: dict[str, str], said: str
) -> None:
    done = folder.wf(command, **settings)
    assert done.code in (2, 5)
    assert said in done.err


def test_a_password_is_in_no_message(folder: Folder) -> None:
    port = free_port()
    done = folder.wf(
        "worker",
        APP_REDIS_HOST="127.0.0.1",
        APP_REDIS_PORT=str(port),
        APP_REDIS_PASSWORD="canary/@:",
        APP_BUS_URL="redis://:canary@127.0.0.1:1/0",
        APP_PROBE_PORT="0",
    )
    assert done.code == 5
    assert f"127.0.0.1:{port}" in done.err
    assert "canary" not in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), "noeviction"),
        ((), "gives durability 'relaxed'"),
    ],
)
def test_a_redis_that_would_lose_executions_is_refused(
    folder: Folder, redis_server: RedisServer, options: tuple[str, ...], said: str
) -> None:
    with RedisServer(folder.path / "redis", *options) as redis:
        done = folder.wf(
            "worker",
            APP_STORE_URL=redis.url,
            APP_BUS_URL=redis.url,
            APP_DURABILITY="durable",
            APP_PROBE_PORT="0",
        )
    assert done.code == 5
    assert said in done.err


def test_a_store_of_a_newer_format_is_refused_with_the_remedy(
    folder: Folder, redis_server: RedisServer, redis_url: str
) -> None:
    with redis_server.client() as client:
        client.hset("wf:layout", mapping={"format": 2, "shards": 1})
    done = folder.wf("worker", APP_STORE_URL=redis_url, APP_BUS_URL=redis_url, APP_PROBE_PORT="0")
    assert done.code == 5
    assert "holds format 2" in done.err
    assert "upgrade" in done.err


def test_a_password_with_every_character_is_used(folder: Folder, redis_server: RedisServer) -> None:
    password = "p@ss/w:rd%20?"
    with RedisServer(folder.path / "redis", "--requirepass", password, password=password) as redis:
        settings = {
            "APP_REDIS_HOST": "127.0.0.1",
            "APP_REDIS_PORT": str(redis.port),
            "APP_REDIS_PASSWORD": password,
            "APP_BUS_URL": "local://",
        }
        told = folder.wf("doctor", "--output", "json", **settings).json()
    store = next(each for each in told["findings"] if each["name"] == "store")
    assert store["well"]


def test_probes_tell_ready_then_draining_and_the_worker_ends_with_0(
    folder: Folder, redis_url: str
) -> None:
    settings = {"APP_STORE_URL": redis_url, "APP_BUS_URL": redis_url, "APP_PROBE_PORT": "0"}
    with folder.started("worker", **settings) as worker:
        assert worker.stderr is not None
        line = next(line for line in worker.stderr if "probes" in line)
        probe = line.split()[1].removesuffix("/readyz")
        with urllib.request.urlopen(f"{probe}/livez", timeout=10) as answer:
            assert json.load(answer) == {"status": "alive"}
        with urllib.request.urlopen(f"{probe}/readyz", timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "ready"
        assert told["store"] == {"answers": True, "durability": "relaxed"}
        assert "call_external_service" in told["handlers"]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_a_second_signal_ends_a_draining_worker_at_once(tmp_path: Path, redis_url: str) -> None:
    with (
        Service(held=frozenset(DIAMOND)) as service,
        Cluster(tmp_path, service, redis_url, redis_url) as cluster,
    ):
        cluster.server()
        worker = cluster.worker(APP_DRAIN_SECONDS="60")
        port = worker.says("ready").split()[1]
        cluster.submit(1)
        cluster.until(lambda: service.count() > 0, "it runs")
        worker.send(signal.SIGTERM)
        told: list[str] = []

        def drains() -> bool:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10).close()
            except urllib.error.HTTPError as refusal:
                told.append(json.load(refusal)["status"])
            return "draining" in told

        cluster.until(drains, "it says that it drains")
        worker.send(signal.SIGTERM)
        assert worker.ended(10) == -signal.SIGTERM


def test_doctor_tells_what_is_well_and_what_is_not(
    folder: Folder, redis_url: str, kafka_server: KafkaServer
) -> None:
    settings = {"APP_STORE_URL": redis_url, "APP_BUS_URL": kafka_server.url, "APP_PROBE_PORT": "0"}
    alone = folder.wf("doctor", **settings)
    assert alone.code == 1
    assert "✗ workers    0 workers" in alone.out
    assert "✓ store" in alone.out
    with folder.started("worker", **settings) as worker:
        assert worker.stderr is not None
        next(line for line in worker.stderr if "probes" in line)
        done = folder.wf("doctor", "--output", "json", **settings)
    findings = {each["name"]: each for each in done.json()["findings"]}
    assert done.code == 0, findings
    assert findings["bus"]["told"].startswith("Kafka at")
    away = folder.wf("doctor", **(settings | {"APP_BUS_URL": f"kafka://127.0.0.1:{free_port()}"}))
    assert away.code == 1
    assert "does not answer" in away.out
    dead = f"redis://:canary@127.0.0.1:{free_port()}/0"
    away = folder.wf("doctor", **(settings | {"APP_BUS_URL": dead}))
    assert "✗ bus" in away.out
    assert "APP_BUS_URL=redis://***@" in away.out
    assert "canary" not in away.out + away.err
