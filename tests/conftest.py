"""What holds for every test: hypothesis without a clock, and no setting from outside."""

import os

import pytest
from hypothesis import settings

from tests.servers.fixtures import redis_server, redis_url

__all__ = ["redis_server", "redis_url"]

# A deadline per example would be an assertion on speed, which no test makes.
settings.register_profile("wf", deadline=None, print_blob=True)
settings.load_profile("wf")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own APP_* variables out of the processes that tests start."""
    for name in os.environ:
        if name.startswith("APP_"):
            monkeypatch.delenv(name)
