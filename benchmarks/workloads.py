"""What is measured: each workload runs once on a fresh store and returns its figures."""

import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from benchmarks import documents
from benchmarks.noop import noop
from wfcore import Engine

__all__ = ["WORKLOADS", "Figures"]

Figures = dict[str, float]
Durability = Literal["durable", "relaxed"]


@asynccontextmanager
async def _engine(durability: Durability) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="wf-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        async with Engine(url, durability=durability, handlers=[noop]) as engine:
            await engine.run(documents.three())
            gc.collect()
            yield engine
            healed = engine.counters.expired + engine.counters.redispatched
            assert not healed, f"a sweep healed {healed} nodes: the figure would be a lie"


async def _timed(engine: Engine, document: documents.Document) -> float:
    """Return the seconds from trigger to end: the submission is measured by W6."""
    execution_id = await engine.submit(document)
    started = time.perf_counter()
    await engine.trigger(execution_id)
    (await engine.wait(execution_id)).raise_for_failure()
    return time.perf_counter() - started


async def chain(durability: Durability) -> Figures:
    """W1: what one hop costs."""
    length = 200
    async with _engine(durability) as engine:
        seconds = await _timed(engine, documents.chain(length))
    return {"n": length, "seconds": seconds, "ms_per_hop": 1000 * seconds / length}


async def fan(durability: Durability) -> Figures:
    """W2: how many nodes a second a wide execution gets."""
    width = 2_000
    async with _engine(durability) as engine:
        seconds = await _timed(engine, documents.fan(width))
    return {"n": width + 2, "seconds": seconds, "rate": (width + 2) / seconds}


async def many(durability: Durability) -> Figures:
    """W3: how many small executions a second, submitted at once."""
    count = 500
    async with _engine(durability) as engine:
        started = time.perf_counter()

        async def one() -> float:
            await engine.run(documents.three())
            return time.perf_counter() - started

        latencies = sorted(await asyncio.gather(*(one() for _ in range(count))))
        seconds = time.perf_counter() - started
    return {
        "n": count,
        "seconds": seconds,
        "rate": count / seconds,
        "p50_ms": 1000 * latencies[count // 2],
        "p99_ms": 1000 * latencies[count * 99 // 100],
    }


async def idle(durability: Durability) -> Figures:
    """W4: how long one small execution takes on an idle engine."""
    count = 20
    latencies: list[float] = []
    async with _engine(durability) as engine:
        for _ in range(count):
            await asyncio.sleep(0.02)
            started = time.perf_counter()
            await engine.run(documents.three())
            latencies.append(time.perf_counter() - started)
    latencies.sort()
    return {
        "n": count,
        "seconds": sum(latencies),
        "median_ms": 1000 * statistics.median(latencies),
        "p50_ms": 1000 * latencies[count // 2],
        "p99_ms": 1000 * latencies[-1],
    }


async def _ratio(
    durability: Durability, build: Callable[[int], documents.Document], small_runs: int
) -> Figures:
    small, large = 100, 100_000
    async with _engine(durability) as engine:
        few = [await _timed(engine, build(small)) for _ in range(small_runs)]
        seconds = await _timed(engine, build(large))
    per_small, per_large = statistics.median(few) / small, seconds / large
    return {
        "n": large,
        "seconds": seconds,
        "us_per_node": 1e6 * per_large,
        "us_per_node_of_100": 1e6 * per_small,
        "ratio": per_large / per_small,
    }


async def constant_in_layers(durability: Durability) -> Figures:
    """W5: what a node costs in 100,000 against 100, in ten-wide layers."""
    return await _ratio(durability, documents.layers, 15)


async def constant_in_fan(durability: Durability) -> Figures:
    """W5: the same as 1 -> N -> 1."""
    return await _ratio(durability, lambda n: documents.fan(n - 2), 15)


async def _submission(durability: Durability, nodes: int) -> Figures:
    text = json.dumps(documents.prompts(nodes, salt=time.time_ns())).encode()
    async with _engine(durability) as engine:
        stalls: list[float] = []
        watch = asyncio.create_task(_watch_loop(stalls))
        await asyncio.sleep(0.05)
        stalls.clear()
        started = time.perf_counter()
        await engine.submit(text)
        seconds = time.perf_counter() - started
        await asyncio.sleep(0.01)
        watch.cancel()
    return {
        "n": nodes,
        "seconds": seconds,
        "us_per_node": 1e6 * seconds / nodes,
        "worst_stall_ms": 1000 * max(stalls),
    }


async def _watch_loop(stalls: list[float]) -> None:
    """Note by how much each short sleep came back late."""
    pause = 0.001
    while True:
        started = time.perf_counter()
        await asyncio.sleep(pause)
        stalls.append(time.perf_counter() - started - pause)


async def submission(durability: Durability) -> Figures:
    """W6: what checking and storing a large document costs, and how long it stalls the loop."""
    return await _submission(durability, 20_000)


async def submission_of_5000(durability: Durability) -> Figures:
    """W6: the same with 5,000 nodes."""
    return await _submission(durability, 5_000)


WORKLOADS: dict[str, Callable[[Durability], Awaitable[Figures]]] = {
    "W1 chain": chain,
    "W2 fan": fan,
    "W3 many": many,
    "W4 idle": idle,
    "W5 layers": constant_in_layers,
    "W5 fan": constant_in_fan,
    "W6 submit": submission,
    "W6 submit 5000": submission_of_5000,
}
