"""Work without hints: idle workers of a cluster take READY nodes from the store itself.

Hints are lost with a broker, or wait for a worker that is busy. While the bus is well, only nodes
that have waited for a while are taken, so that a hint on its way is left its chance.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from wfcore.engine.runtime import Runtime
from wfcore.engine.worker import Worker
from wfcore.errors import StoreError
from wfcore.store.shared import SharedStore, Taken

__all__ = ["Seeker"]

_log = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 0.5
_PATIENCE_MS: Final = 500
_AT_ONCE: Final = 64


class Seeker:
    """Asks the store at most twice a second, unless there is more than it could take at once."""

    def __init__(
        self,
        runtime: Runtime,
        store: SharedStore,
        worker: Worker,
        wanted: Sequence[tuple[str, str]],
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._worker = worker
        self._wanted = wanted

    async def run(self) -> None:
        """Seek until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            try:
                while await self._worker.seek(self._take, _AT_ONCE):
                    pass
            except StoreError as error:
                self._runtime.counters.store_errors += 1
                _log.warning("the store could not be asked for work: %s", error)

    async def _take(self, limit: int) -> list[Taken]:
        runtime = self._runtime
        return await self._store.take(
            self._wanted,
            runtime.token(),
            limit,
            lease_ms=runtime.terms.lease_ms,
            age_ms=_PATIENCE_MS if runtime.bus.healthy else 0,
        )
