"""F2, F5, F6, F9, F13: servers that die, a Redis that restarts, a network that is cut, poison."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.cluster.cluster import DIAMOND, Cluster
from tests.crash.service import Service
from tests.servers.redis import RedisCluster, RedisSentinel, RedisServer
from tests.servers.wire import Wire

LEASE_SECONDS = 2.0
RECOVERY_SECONDS = 15.0

pytestmark = pytest.mark.timeout(180)


@contextmanager
def cluster(folder: Path, redis_url: str, seconds: float = 0.05) -> Iterator[Cluster]:
    with (
        Service(seconds=seconds) as service,
        Cluster(folder, service, redis_url, redis_url, LEASE_SECONDS) as opened,
    ):
        yield opened


def test_a_server_killed_while_it_submits_makes_one_execution_of_each(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url) as opened:
        server = opened.server()
        opened.worker()
        stop = threading.Event()

        def kill_servers() -> None:
            current = server
            while not stop.wait(0.4):
                current.kill()
                current = opened.server()

        killer = threading.Thread(target=kill_servers)
        killer.start()
        try:
            opened.submit(60)
        finally:
            stop.set()
            killer.join()
        assert len(set(opened.ids)) == 60
        opened.finish()
        with Redis.from_url(redis_url) as client:
            assert client.zcard("{wf:00}:s:COMPLETED") == 60
            assert client.zcard("{wf:00}:s:PENDING") == 0
        opened.judge(most_calls=60 * len(DIAMOND))


@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_a_redis_that_is_killed_and_started_again_loses_nothing(
    tmp_path: Path, redis_server: RedisServer, fsync: str
) -> None:
    with (
        RedisServer(tmp_path / "redis", fsync=fsync) as redis,
        cluster(tmp_path, redis.url) as opened,
    ):
        opened.server()
        opened.workers(2)
        for _ in range(3):
            opened.submit(10)
            redis.kill()
            time.sleep(0.5)
            redis.start()
        assert opened.finish() < RECOVERY_SECONDS
        opened.judge()


@pytest.mark.parametrize("cut", [1, 60, 500])
def test_a_redis_that_lost_the_end_of_its_log_goes_on_from_what_is_left(
    tmp_path: Path, redis_server: RedisServer, cut: int
) -> None:
    with (
        RedisServer(tmp_path / "redis") as redis,
        cluster(tmp_path, redis.url, seconds=0.3) as opened,
    ):
        opened.server()
        opened.workers(2)
        opened.submit(10)
        opened.until(lambda: opened.service.count() >= 10, "they run")
        redis.kill()
        log = max(redis.folder.rglob("*.aof"), key=lambda path: path.stat().st_mtime)
        with log.open("r+b") as file:
            file.truncate(log.stat().st_size - cut)
        redis.start()
        # What was acknowledged within the last second may be gone: `everysec` says no more.
        assert opened.finish() < 2 * RECOVERY_SECONDS
        assert opened.statuses() == {"COMPLETED": 10}


def test_a_redis_that_stands_still_for_longer_than_leases_last_loses_nothing(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with RedisServer(tmp_path / "redis") as redis, cluster(tmp_path, redis.url) as opened:
        opened.server()
        opened.workers(2)
        opened.submit(10)
        redis.freeze()
        time.sleep(5)
        redis.thaw()
        assert opened.finish() < RECOVERY_SECONDS
        opened.judge()


def test_a_redis_that_forgets_scripts_and_connections_costs_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url) as opened, Redis.from_url(redis_url) as client:
        opened.server()
        opened.workers(2)
        for _ in range(10):
            opened.submit(3)
            client.script_flush()
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert opened.finish() < RECOVERY_SECONDS
        opened.judge()


def test_a_replica_that_takes_over_goes_on_where_the_master_died(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with (
        RedisSentinel(tmp_path / "redis") as redis,
        cluster(tmp_path, redis.url, seconds=0.3) as opened,
    ):
        opened.server()
        opened.workers(2)
        opened.submit(10)
        opened.until(lambda: opened.service.count() >= 10, "they run")
        # What had not been replicated would be lost: that is what replication is.
        redis.synced()
        redis.master.kill()
        opened.finish()
        opened.submit(3)
        opened.finish()
        assert opened.statuses() == {"COMPLETED": 13}


def test_a_cluster_s_replica_takes_over_and_no_execution_is_stuck(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    redis = RedisCluster(tmp_path / "redis", replicas=True)
    redis.start()
    try:
        with cluster(tmp_path, redis.url, seconds=0.3) as opened:
            opened.server()
            opened.workers(2)
            opened.submit(12)
            opened.until(lambda: opened.service.count() >= 12, "they run")
            redis.synced(0)
            redis.nodes[0].kill()
            # Two seconds until the others call it dead, and a moment for the election.
            assert opened.finish() < RECOVERY_SECONDS
            # From here on all is as fast as before, though the first node of the URL is away.
            opened.submit(6)
            assert opened.finish() < 6
            assert opened.statuses() == {"COMPLETED": 18}
    finally:
        redis.stop()


@pytest.mark.parametrize("how", ["cut", "hold"])
def test_a_worker_cut_off_from_redis_is_replaced_and_comes_back(
    tmp_path: Path, redis_server: RedisServer, redis_url: str, how: str
) -> None:
    with cluster(tmp_path, redis_url, seconds=0.2) as opened, Wire(redis_server.port) as wire:
        url = f"redis://127.0.0.1:{wire.port}/0"
        opened.server()
        alone = opened.worker(APP_STORE_URL=url, APP_BUS_URL=url)
        opened.submit(6)
        opened.until(lambda: opened.service.count() >= 6, "they run")
        getattr(wire, how)()
        opened.worker()
        opened.finish(2 * RECOVERY_SECONDS)
        wire.heal()
        opened.submit(6)
        opened.finish()
        assert alone.is_alive
        opened.judge()


def test_a_slow_network_is_only_slow(
    tmp_path: Path, redis_server: RedisServer, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url) as opened, Wire(redis_server.port) as wire:
        url = f"redis://127.0.0.1:{wire.port}/0"
        opened.server()
        opened.worker(APP_STORE_URL=url, APP_BUS_URL=url)
        wire.delay(0.1)
        opened.submit(10)
        opened.finish()
        opened.judge(most_calls=10 * len(DIAMOND))


def test_a_node_that_kills_its_workers_fails_and_harms_no_other(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url) as opened:
        opened.server()
        poison = opened.submit(1, {"poison": []})[0]
        for _ in range(8):
            if opened.ask("GET", f"/workflows/{poison}?outputs=false")["status"] != "RUNNING":
                break
            dying = opened.workers(1, dies="in_handler")[0]
            opened.until(
                lambda dying=dying: (
                    not dying.is_alive  # type: ignore[misc]
                    or opened.ask("GET", f"/workflows/{poison}")["status"] != "RUNNING"
                ),
                "the worker dies, or nobody is to run it any more",
            )
        view = opened.ask("GET", f"/workflows/{poison}")
        assert view["status"] == "FAILED"
        assert view["nodes"]["poison"]["error"]["type"] == "WorkerLost"
        opened.ids.remove(poison)
        opened.worker()
        opened.submit(5)
        opened.finish()
