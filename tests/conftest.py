"""What holds for every test: hypothesis without a clock, and no setting from outside."""

import os
import signal

import pytest
from hypothesis import settings

from tests.servers.fixtures import kafka_server, redis_server, redis_url
from tests.servers.kafka import has_apache_kafka, has_kafka

__all__ = ["kafka_server", "redis_server", "redis_url"]

# A deadline per example would be an assertion on speed, which no test makes.
settings.register_profile("wf", deadline=None, print_blob=True)
settings.load_profile("wf")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own APP_* variables out of the processes that tests start."""
    for name in os.environ:
        if name.startswith("APP_"):
            monkeypatch.delenv(name)


def pytest_configure() -> None:
    """Let the processes that tests start hear Ctrl-C, also where the tests run in a background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    if has_apache_kafka():
        return "kafka: Apache's"
    return "kafka: NOT Apache's, a small broker" if has_kafka() else "kafka: none"
