"""`make chaos`: faults for as long as it takes, and a table of what they led to.

`python -m tests.cluster.chaos [--kills 100] [--default-lease] [--only F5]`. Each fault gets a
cluster of its own on a real Redis; kills go on until there were enough of them.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.cluster import Cluster, Process, Verdict
from tests.cluster.mortal import POINTS
from tests.crash.service import Service
from tests.servers.redis import RedisServer

AT_ONCE = 5
COLUMNS = ("fault", "runs", "executions", "lost", "double terminal", "order", "worst recovery")

Fault = Callable[[Cluster, RedisServer, int], None]


@contextmanager
def cluster(lease_seconds: float) -> Iterator[tuple[Cluster, RedisServer]]:
    """Open a cluster with a server and no worker."""
    with tempfile.TemporaryDirectory(prefix="wf-chaos-") as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as redis,
            Service(seconds=0.02) as service,
            Cluster(folder, service, redis.url, redis.url, lease_seconds) as opened,
        ):
            opened.server()
            yield opened, redis


def killed_at(point: str) -> Fault:
    """Kill workers at a point of a node's life."""

    def fault(opened: Cluster, _: RedisServer, kills: int) -> None:
        # One that lives: a node that kills five workers in a row is given up, as poison.
        opened.worker()
        for _round in range(0, kills, AT_ONCE):
            dying = opened.workers(AT_ONCE, dies=point)
            while any(each.is_alive for each in dying):
                opened.submit(2)
                time.sleep(0.2)

    return fault


def killed_in_drain(opened: Cluster, _: RedisServer, kills: int) -> None:
    """Kill workers that were told to stop."""
    for _round in range(0, kills, AT_ONCE):
        draining = opened.workers(AT_ONCE)
        opened.submit(AT_ONCE)
        time.sleep(0.3)
        for each in draining:
            each.send(signal.SIGTERM)
        time.sleep(0.05)
        for each in draining:
            each.kill()


def frozen(opened: Cluster, _: RedisServer, kills: int) -> None:
    """Freeze workers for longer than their leases, and let them go on."""
    workers = opened.workers(3)
    for number in range(max(1, kills // 10)):
        opened.submit(5)
        sleeper: Process = workers[number % 3]
        sleeper.send(signal.SIGSTOP)
        time.sleep(3)
        sleeper.send(signal.SIGCONT)


def redis_killed(opened: Cluster, redis: RedisServer, kills: int) -> None:
    """Kill Redis and start it again."""
    opened.workers(2)
    for _round in range(max(1, kills // 5)):
        opened.submit(5)
        redis.kill()
        time.sleep(0.3)
        redis.start()


def faults() -> dict[str, Fault]:
    """Return the faults by name."""
    found: dict[str, Fault] = {
        f"F1 worker killed {point}": killed_at(point) for point in POINTS if point != "in_drain"
    }
    found["F1 worker killed in_drain"] = killed_in_drain
    found["F4 worker frozen"] = frozen
    found["F5 redis killed"] = redis_killed
    return found


def run(fault: Fault, kills: int, lease_seconds: float) -> Verdict:
    """Let a fault strike, then see that everything ends."""
    with cluster(lease_seconds) as (opened, redis):
        fault(opened, redis, kills)
        opened.worker()
        begun = time.monotonic()
        opened.until(lambda: not opened.statuses()["RUNNING"], "all executions end", 120)
        recovery = time.monotonic() - begun
        verdict = opened.verdict()
        verdict.worst_recovery = recovery
        return verdict


def main() -> int:
    """Print the table; 1 if a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--default-lease", action="store_true", help="10 s instead of 2 s")
    parser.add_argument("--only", default="", help="faults whose names have this in them")
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---" for _ in COLUMNS) + " |", flush=True)
    broken = 0
    for name, fault in faults().items():
        if options.only not in name:
            continue
        found = run(fault, options.kills, 10.0 if options.default_lease else 2.0)
        cells = (
            name,
            options.kills,
            found.executions,
            found.lost,
            found.double_terminal,
            found.order_violations,
            f"{found.worst_recovery:.1f} s",
        )
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        broken += found.lost + found.double_terminal + found.order_violations
        broken += found.worst_recovery > 15
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
