"""F1, F4, F14: workers that are killed, frozen or told to stop, at every point of a node's life."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.cluster import DIAMOND, Cluster
from tests.cluster.mortal import POINTS
from tests.crash.service import Service

KILLS = 10
AT_ONCE = 5
MOST_AT_A_TIME = 48
LEASE_SECONDS = 2.0
RECOVERY_SECONDS = 15.0

pytestmark = pytest.mark.timeout(180)


@contextmanager
def cluster(folder: Path, redis_url: str, seconds: float = 0.02) -> Iterator[Cluster]:
    with (
        Service(seconds=seconds) as service,
        Cluster(folder, service, redis_url, redis_url, LEASE_SECONDS) as opened,
    ):
        opened.server()
        yield opened


@pytest.mark.parametrize("point", [point for point in POINTS if point != "in_drain"])
def test_killed_workers_lose_nothing(point: str, tmp_path: Path, redis_url: str) -> None:
    with cluster(tmp_path, redis_url) as opened:
        for turn in range(1, KILLS // AT_ONCE + 1):
            dying = opened.workers(AT_ONCE, dies=point)
            end = time.monotonic() + 60
            while any(each.is_alive for each in dying):
                assert time.monotonic() < end, "the workers do not die"
                if len(opened.ids) < turn * MOST_AT_A_TIME:
                    opened.submit(4)
                time.sleep(0.2)
        opened.worker()
        begun = time.monotonic()

        opened.finish()

        assert time.monotonic() - begun < RECOVERY_SECONDS
        # Each kill may have cost the calls that its worker had begun, and no more.
        opened.judge()


def test_a_frozen_worker_that_comes_back_changes_nothing(tmp_path: Path, redis_url: str) -> None:
    with cluster(tmp_path, redis_url, seconds=0.3) as opened:
        frozen, _ = opened.workers(2)
        opened.submit(10)
        opened.until(lambda: opened.service.count() >= 10, "they run")
        frozen.send(signal.SIGSTOP)
        begun = time.monotonic()
        opened.finish()
        assert time.monotonic() - begun < RECOVERY_SECONDS
        frozen.send(signal.SIGCONT)
        # What it held it reports now, and is refused.
        time.sleep(1.0)
        assert opened.statuses() == {"COMPLETED": 10}
        opened.judge()


def test_a_worker_that_drains_gives_back_what_it_cannot_finish(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url, seconds=1.0) as opened:
        draining = opened.worker(APP_DRAIN_SECONDS="0.2")
        opened.submit(5)
        opened.until(lambda: opened.service.count() >= 5, "they run")
        draining.send(signal.SIGTERM)
        assert draining.ended(20) == 0
        begun = time.monotonic()
        opened.worker()
        opened.until(lambda: opened.service.count() >= 10, "they run again")
        # At once, not after the lease.
        assert time.monotonic() - begun < LEASE_SECONDS + 3
        opened.finish()
        opened.judge()
        assert all(
            event["detail"] is None or "released" in event["detail"] or "log" in event["detail"]
            for execution in opened.ids
            for event in opened.events(execution)
            if event["to"] == "READY"
        )


def test_workers_killed_while_they_drain_lose_nothing(tmp_path: Path, redis_url: str) -> None:
    with cluster(tmp_path, redis_url, seconds=0.3) as opened:
        for _ in range(KILLS // AT_ONCE):
            draining = opened.workers(AT_ONCE)
            opened.submit(2 * AT_ONCE)
            count = opened.service.count()
            opened.until(lambda count=count: opened.service.count() >= count + AT_ONCE, "they run")  # type: ignore[misc]
            for each in draining:
                each.send(signal.SIGTERM)
            time.sleep(0.1)
            for each in draining:
                each.kill()
        opened.worker()
        assert opened.finish() < RECOVERY_SECONDS
        opened.judge()


def test_a_rolling_restart_under_load_loses_nothing_and_charges_nobody(
    tmp_path: Path, redis_url: str
) -> None:
    with cluster(tmp_path, redis_url, seconds=0.05) as opened:
        workers = opened.workers(2)
        for _ in range(3):
            opened.submit(10)
            opened.server()
            workers.append(opened.worker())
            oldest = workers.pop(0)
            oldest.send(signal.SIGTERM)
            opened.submit(10)
            assert oldest.ended(20) == 0
        opened.finish()
        opened.judge(most_calls=len(opened.ids) * len(DIAMOND))
