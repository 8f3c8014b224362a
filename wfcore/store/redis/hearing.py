"""Hearing of what other processes did to executions, by Redis' own messages.

They are hints: whoever waits looks into the store once a second anyway.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from wfcore.errors import StoreError
from wfcore.store.shared import Heard

__all__ = ["Hearing"]

_log = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 1.0
_LISTEN_SECONDS: Final = 1.0


class Hearing:
    """One connection that is told of ends, and of changes of the executions that are followed."""

    def __init__(
        self,
        connect: Callable[[], Any],
        tags: Sequence[str],
        channel_of: Callable[[str], str],
        heard: Heard,
    ) -> None:
        self._connect = connect
        self._ends = {f"{tag}:ended" for tag in tags}
        self._channel_of = channel_of
        self._heard = heard
        self._followed: dict[str, tuple[str, int]] = {}
        """By channel: the execution, and how many follow it."""
        self._changed = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def follow(self, execution: str) -> None:
        """Subscribe to an execution's changes, soon."""
        channel = self._channel_of(execution)
        _, count = self._followed.get(channel, (execution, 0))
        self._followed[channel] = (execution, count + 1)
        self._changed.set()

    def unfollow(self, execution: str) -> None:
        """Unsubscribe, when nobody follows it any more."""
        channel = self._channel_of(execution)
        _, count = self._followed.pop(channel, (execution, 0))
        if count > 1:
            self._followed[channel] = (execution, count - 1)
        self._changed.set()

    async def close(self) -> None:
        """Hear nothing more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                client = self._connect()
            except StoreError:
                # The store is closed.
                return
            try:
                async with client.pubsub() as pubsub:
                    await self._listen(pubsub)
            except Exception as error:  # noqa: BLE001 - the driver trips over lost connections
                _log.info("no messages from Redis for a moment: %r", error)
            finally:
                with contextlib.suppress(Exception):
                    await client.aclose()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, pubsub: Any) -> None:
        await pubsub.subscribe(*self._ends)
        subscribed: set[str] = set()
        subscriber = asyncio.get_running_loop().create_task(self._subscribe(pubsub, subscribed))
        try:
            while not subscriber.done():
                told = await pubsub.get_message(timeout=_LISTEN_SECONDS)
                if told is not None:
                    self._tell(told)
            subscriber.result()
        finally:
            subscriber.cancel()

    async def _subscribe(self, pubsub: Any, subscribed: set[str]) -> None:
        """Keep what is subscribed to as what is followed."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = set(self._followed)
            if gone := subscribed - wanted:
                await pubsub.unsubscribe(*gone)
            if new := wanted - subscribed:
                await pubsub.subscribe(*new)
            subscribed.clear()
            subscribed.update(wanted)

    def _tell(self, told: dict[str, Any]) -> None:
        channel = told["channel"].decode()
        if told["type"] == "message" and channel in self._ends:
            self._heard(told["data"].decode(), True)
        elif channel in self._followed and told["type"] in ("message", "subscribe"):
            # What happened before the subscription stood was not heard: a look tells.
            self._heard(self._followed[channel][0], False)
