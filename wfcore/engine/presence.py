"""Saying that this worker is there, and what it can run."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from typing import Final

from wfcore.errors import StoreError
from wfcore.store.shared import SharedStore, WorkerRecord

__all__ = ["Presence"]

_log = logging.getLogger(__name__)
_TTL_SECONDS: Final = 15.0


class Presence:
    """Announces a worker again and again, until it leaves."""

    def __init__(self, store: SharedStore, handlers: Sequence[str], queues: Sequence[str]) -> None:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.record = WorkerRecord(name, tuple(sorted(handlers)), tuple(sorted(queues)))
        self._store = store

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            try:
                await self._store.announce(self.record, round(_TTL_SECONDS * 1000))
            except StoreError as error:
                _log.warning("this worker could not be announced: %s", error)
            await asyncio.sleep(_TTL_SECONDS / 3)

    async def leave(self) -> None:
        """Say that the worker goes; where the store is away, it will be noticed."""
        try:
            await self._store.announce(self.record, 0)
        except StoreError as error:
            _log.info("this worker could not say that it goes: %s", error)
