"""What an engine counts, as Prometheus reads it (text format 0.0.4).

Metrics are made when they are asked for, from the engine's own counters: nothing global, and no
cost where nobody asks.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from wfcore.engine.timings import BOUNDS, Histogram
from wfcore.engine.vitals import Vitals
from wfcore.errors import StoreError
from wfcore.store.shared import Census

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_FRESH_SECONDS: Final = 2.0
_COUNTED: Final = {
    "completed": "Nodes that COMPLETED here.",
    "failed": "Nodes that FAILED here.",
    "skipped": "Nodes that were SKIPPED here.",
    "stale_hints": "Hints that led to no lease.",
    "stale_results": "Results that the store refused: their lease was no longer the current one.",
    "expired": "Leases that ran out and were taken back here.",
    "redispatched": "READY nodes whose hint led to no lease in time.",
    "resumed": "Fan-outs that this process had to finish for another one.",
    "deferred": "Attempts whose handlers asked to be run later.",
    "woken": "Nodes whose time to go on had come.",
    "abandoned": "Attempts that did not end when they were told to.",
    "store_errors": "Calls of the store that failed.",
    "events_lost": "Events that a sink did not take, however often it was told, or until the end.",
}


class Metrics:
    """The metrics of one engine. What the store has to count is asked for every two seconds."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._census: Census | None = None
        self._counted_at = float("-inf")

    async def text(self) -> bytes:
        """Return all metrics; those of a store that is away are left out."""
        if time.monotonic() - self._counted_at > _FRESH_SECONDS:
            try:
                self._census = await self._vitals.census()
                self._counted_at = time.monotonic()
            except StoreError:
                self._census = None
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families([*self._families(await self._vitals.bus_lag())]))
        return bytes(generate_latest(registry))

    def _families(self, lag: Mapping[str, int]) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._histograms()
        yield _gauge("wf_bus_healthy", "Whether hints travel.", [((), self._vitals.bus.healthy)])
        waiting = [((queue,), count) for queue, count in lag.items()]
        yield _gauge("wf_bus_lag", "What waits on the bus for this process.", waiting, "queue")
        if self._census is not None:
            yield from _of_census(self._census)

    def _counters(self) -> Iterator[Metric]:
        counters = self._vitals.counters
        for name, text in _COUNTED.items():
            yield _counter(f"wf_{name}", text, [((), getattr(counters, name))])
        sources = {
            "kept": counters.kept,
            "bus": counters.taken,
            "store": counters.sought,
            "sweep": counters.redispatched,
        }
        leases = [((source,), count) for source, count in sources.items()]
        yield _counter("wf_leases", "Leases, by where the worker had them from.", leases, "source")
        retries = [((error,), count) for error, count in counters.retried_by.items()]
        yield _counter("wf_retries", "Attempts to be repeated, by error.", retries, "error")

    def _histograms(self) -> Iterator[Metric]:
        timings = self._vitals.timings
        run = "Seconds from an attempt's lease to its outcome."
        yield _histogram("wf_run_seconds", run, timings.run, "handler")
        wait = "Seconds that nodes were READY until they were leased here."
        yield _histogram("wf_queue_wait_seconds", wait, timings.wait, "handler")
        store = "Seconds from Moves to their replies."
        yield _histogram("wf_store_apply_seconds", store, {"": timings.store})


def _of_census(census: Census) -> Iterator[Metric]:
    statuses = [((status,), count) for status, count in census.executions.items()]
    yield _gauge("wf_executions", "Executions in the store.", statuses, "status")
    ready = [((each.queue, each.handler), each.ready) for each in census.queues]
    yield _gauge("wf_ready_nodes", "Nodes that wait for a worker.", ready, "queue", "handler")
    ages = [((each.queue, each.handler), each.oldest_ms / 1000) for each in census.queues]
    text = "How long the oldest of them has waited."
    yield _gauge("wf_ready_oldest_seconds", text, ages, "queue", "handler")


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _counter(name: str, text: str, values: Sequence[tuple[Any, float]], *labels: str) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for given, value in values:
        family.add_metric(given, value)
    return family


def _gauge(name: str, text: str, values: Sequence[tuple[Any, float]], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for given, value in values:
        family.add_metric(given, value)
    return family


def _histogram(name: str, text: str, found: Mapping[str, Histogram], *labels: str) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    bounds = [*map(str, BOUNDS), "+Inf"]
    for given, histogram in found.items():
        counts = list(accumulate(histogram.counts))
        buckets = list(zip(bounds, map(float, counts), strict=True))
        family.add_metric([given] if labels else [], buckets, histogram.total)
    return family
