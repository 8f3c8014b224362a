"""`make demo-cluster`: a real Redis, a real Kafka, a server and two workers; one of them is killed.

It starts everything on free loopback ports and in a temporary folder, plays the example workflow,
kills a worker in the middle of forty slow calls, and stops everything again.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import service
from seed_on_cluster import ask, play
from stage import BIN, ROOT, ClaimBroken, Stage, wait_until

sys.path.insert(0, str(ROOT))

from tests.servers.kafka import KafkaServer
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

_LEASE_SECONDS: Final = 3
_CALLS: Final = 40


class Processes:
    """What the demo started; stopped in the end, by pid."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `wf` with these arguments."""
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [str(BIN / "wf"), *arguments],
                env=os.environ | self._settings,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Let all that still run end."""
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(40)


def main() -> int:
    """Play it; 0 if every claim held."""
    stage = Stage()
    stage.title("wfcore as a cluster: Redis keeps the state, Kafka carries the tasks")
    with tempfile.TemporaryDirectory(prefix="wf-demo-") as name:
        folder = Path(name)
        stage.note("Starting Redis and Kafka (the first time, Kafka's jars are fetched) ...", "dim")
        with RedisServer(folder / "redis") as redis, KafkaServer(folder / "kafka") as kafka:
            kind = "Apache Kafka" if kafka.is_apache else "a small broker that speaks Kafka"
            stage.note(f"Redis at {redis.port}, {kind} at {kafka.port}.", "dim")
            standing_in = service.start()
            settings = {
                "APP_STORE_URL": redis.url,
                "APP_BUS_URL": kafka.url,
                "APP_LEASE_SECONDS": str(_LEASE_SECONDS),
                "APP_OUTBOUND_ALLOW": standing_in.address,
                "APP_PROBE_PORT": "0",
                "APP_CONCURRENCY": "8",
            }
            processes = Processes(folder, settings)
            try:
                acts(stage, processes, standing_in)
            except ClaimBroken as broken:
                stage.note(f"✗ This did not hold: {broken}", "bold red")
                return 1
            finally:
                processes.stop()
                standing_in.shutdown()
    stage.end("that was it")
    return 0


def acts(stage: Stage, processes: Processes, standing_in: service.Service) -> None:
    """Play both acts."""
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    processes.start("server", "server", "--port", str(port))
    workers = [processes.start(f"worker{at}", "worker") for at in range(2)]
    stage.act(1, "The example workflow", f"`wf server` on {server}, and two `wf worker`.")
    result = play(server, standing_in.url)
    stage.note(json.dumps(result["results"], indent=2, ensure_ascii=False))
    stage.holds("it COMPLETED", when=result["completed"])
    stage.act(2, "A worker dies", f"{_CALLS} slow calls; half way one worker gets kill -9.")
    execution = start_forty(server, standing_in.url)
    wait_until(lambda: standing_in.answered("/slow/") >= _CALLS // 2, 60)
    os.kill(workers[0].pid, signal.SIGKILL)
    died = time.monotonic()
    ended = ask(f"{server}/workflows/{execution}/results?wait=60")
    seconds = time.monotonic() - died
    stage.holds("the other one finished all of it", when=ended["completed"])
    calls = Counter(each.key for each in standing_in.ledger if each.path.startswith("/slow/"))
    again = sum(count - 1 for count in calls.values())
    stage.note(f"It ended {seconds:.1f} s after the kill; {again} calls had to be made again.")
    stage.holds("nothing was lost, and what was done was not done again", when=again <= 8)


def start_forty(server: str, url: str) -> str:
    """Start the forty calls; return the execution's id."""
    document = json.loads((ROOT / "examples" / "forty.json").read_text(encoding="utf-8"))
    document["input"] = {"service": url}
    return str(ask(f"{server}/workflow?trigger=true", document)["execution_id"])


if __name__ == "__main__":
    sys.exit(main())
