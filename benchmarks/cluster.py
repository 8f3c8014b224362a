"""`python -m benchmarks.cluster [W1 W2 ...] [--fsync everysec|always] [--bus kafka|redis]`.

The workloads on a real Redis and a real Kafka, with one server and two workers, through the HTTP
API. Prints one JSON line per workload: the median run of three by its time.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import documents
from benchmarks.http_client import HttpClient
from tests.servers.kafka import KafkaServer
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

__all__ = ["main"]

Figures = dict[str, float]
_WF = str(Path(sys.executable).parent / "wf")
_PLUGIN = str(Path(__file__).with_name("noop.py"))


class Client:
    """The HTTP API of the server that is measured."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def run(self, document: documents.Document) -> None:
        """Submit, trigger and wait, in one request."""
        _ended(await self._http.ask("POST", "/workflow?trigger=true&wait=60", document))

    async def timed(self, document: documents.Document) -> float:
        """Return the seconds from trigger to end."""
        execution = (await self._http.ask("POST", "/workflow", document))["execution_id"]
        started = time.perf_counter()
        await self._http.ask("POST", f"/workflow/trigger/{execution}")
        while True:
            answer = await self._http.ask("GET", f"/workflows/{execution}/results?wait=60")
            if answer["status"] != "RUNNING":
                break
        seconds = time.perf_counter() - started
        _ended(answer)
        return seconds


def _ended(answer: Any) -> None:
    assert answer["status"] == "COMPLETED", answer


async def chain(client: Client) -> Figures:
    """W1: what one hop costs."""
    length = 200
    seconds = await client.timed(documents.chain(length))
    return {"n": length, "seconds": seconds, "ms_per_hop": 1000 * seconds / length}


async def fan(client: Client) -> Figures:
    """W2: how many nodes a second a wide execution gets."""
    width = 2_000
    seconds = await client.timed(documents.fan(width))
    return {"n": width + 2, "seconds": seconds, "rate": (width + 2) / seconds}


async def many(client: Client) -> Figures:
    """W3: how many small executions a second, submitted at once."""
    count = 500
    started = time.perf_counter()
    await asyncio.gather(*(client.run(documents.three()) for _ in range(count)))
    seconds = time.perf_counter() - started
    return {"n": count, "seconds": seconds, "rate": count / seconds}


async def idle(client: Client) -> Figures:
    """W4: how long one small execution takes on an idle cluster."""
    count = 20
    latencies: list[float] = []
    for _ in range(count):
        await asyncio.sleep(0.02)
        started = time.perf_counter()
        await client.run(documents.three())
        latencies.append(time.perf_counter() - started)
    median = statistics.median(latencies)
    return {"n": count, "seconds": sum(latencies), "median_ms": 1000 * median}


async def constant_in_layers(client: Client) -> Figures:
    """W5: what a node costs in 100,000 against 100, in ten-wide layers."""
    small, large = 100, 100_000
    few = [await client.timed(documents.layers(small)) for _ in range(15)]
    seconds = await client.timed(documents.layers(large))
    per_small, per_large = statistics.median(few) / small, seconds / large
    return {
        "n": large,
        "seconds": seconds,
        "us_per_node": 1e6 * per_large,
        "us_per_node_of_100": 1e6 * per_small,
        "ratio": per_large / per_small,
    }


WORKLOADS: dict[str, Callable[[Client], Awaitable[Figures]]] = {
    "W1 chain": chain,
    "W2 fan": fan,
    "W3 many": many,
    "W4 idle": idle,
    "W5 layers": constant_in_layers,
}


@contextmanager
def _processes(settings: dict[str, str], port: int, folder: Path) -> Iterator[None]:
    environment = {**os.environ, **settings}
    commands = [["server", "--port", str(port)], ["worker"], ["worker"]]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                arguments = [_WF, *command, "--plugin", _PLUGIN]
                started.append(
                    subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)  # noqa: S603
                )
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


@asynccontextmanager
async def _cluster(fsync: str, bus: str) -> AsyncIterator[Client]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wf-bench-")))
        redis = stack.enter_context(RedisServer(folder / "redis", fsync=fsync))
        url = redis.url
        if bus == "kafka":
            url = stack.enter_context(KafkaServer(folder / "kafka")).url
        settings = {
            "APP_STORE_URL": redis.url,
            "APP_BUS_URL": url,
            "APP_PROBE_PORT": "0",
            "APP_MAX_NODES": "200000",
            "APP_MAX_EDGES": "400000",
            "APP_MAX_DOCUMENT_BYTES": "100000000",
            "APP_LOG_LEVEL": "WARNING",
        }
        port = free_port()
        stack.enter_context(_processes(settings, port, folder))
        async with aclosing(HttpClient(port)) as http:
            client = Client(http)
            await _warm(client)
            yield client


async def _warm(client: Client) -> None:
    """Wait until hints travel, and run what is loaded at first use."""
    give_up = time.monotonic() + 60
    while True:
        try:
            await client.run(documents.three())
            break
        except OSError:
            assert time.monotonic() < give_up, "the server does not come up"
            await asyncio.sleep(0.2)
    # Less than the five seconds after which the server closes a connection that is not used.
    await asyncio.sleep(4)
    await client.run(documents.fan(200))


async def _measure(wanted: tuple[str, ...], fsync: str, bus: str, runs: int) -> None:
    async with _cluster(fsync, bus) as client:
        for name, workload in WORKLOADS.items():
            if not name.startswith(wanted):
                continue
            times = 1 if name.startswith("W5") else runs
            measured = [await workload(client) for _ in range(times)]
            measured.sort(key=lambda figures: figures["seconds"])
            median = measured[len(measured) // 2]
            figures = {key: round(value, 4) for key, value in median.items()}
            line = {"workload": name, "store": "redis", "fsync": fsync, "bus": bus, **figures}
            print(json.dumps(line), flush=True)


def main() -> None:
    """Run the chosen workloads."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("workloads", nargs="*", help="beginnings of names: W1; default: all")
    parser.add_argument("--fsync", choices=["everysec", "always", "both"], default="both")
    parser.add_argument("--bus", choices=["kafka", "redis"], default="kafka")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    levels = ["everysec", "always"] if options.fsync == "both" else [options.fsync]
    for fsync in levels:
        wanted = tuple(options.workloads) or ("W",)
        asyncio.run(_measure(wanted, fsync, options.bus, options.runs))


if __name__ == "__main__":
    main()
