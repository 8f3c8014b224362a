"""Heartbeats: renews the leases that this process holds, from a thread of its own.

A handler that keeps the event loop busy must not lose its lease to that.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from wfcore.errors import StoreError
from wfcore.store.contract import LeaseRef, StateStore

__all__ = ["Heart"]

_log = logging.getLogger(__name__)


class Heart:
    """Beats three times per lease; calls `on_lost` in the event loop for leases that are gone."""

    def __init__(
        self,
        store: StateStore,
        lease_ms: int,
        leases: Callable[[], list[LeaseRef]],
        on_lost: Callable[[LeaseRef], None],
    ) -> None:
        self._store = store
        self._lease_ms = lease_ms
        self._leases = leases
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wf-heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    async def stop(self) -> None:
        """Beat no more, and wait for the beat under way."""
        self._stopped.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while not self._stopped.wait(self._lease_ms / 3000):
            held = self._leases()
            if held:
                self._beat(held)

    def _beat(self, held: list[LeaseRef]) -> None:
        try:
            renewed = self._store.renew(held, self._lease_ms)
            lost = [lease for lease, holds in zip(held, renewed, strict=True) if not holds]
        except StoreError as error:
            _log.warning("leases could not be renewed: %s", error)
            return
        except Exception:  # noqa: BLE001 - stores of plugins: a heart that stops costs all leases
            _log.exception("leases could not be renewed")
            return
        for lease in lost:
            if not self._stopped.is_set():
                self._loop.call_soon_threadsafe(self._on_lost, lease)
