"""From a bus's URL to the bus."""

from typing import Any

from wfcore.bus.contract import TaskBus
from wfcore.bus.local import LocalBus
from wfcore.errors import StoreError

__all__ = ["bus_from_url"]


def bus_from_url(url: str, **options: Any) -> TaskBus:
    """Return the bus that a URL names."""
    if url.startswith("local:"):
        return LocalBus()
    raise StoreError(f"no bus for this scheme yet: {url.partition(':')[0]} {sorted(options)}")
