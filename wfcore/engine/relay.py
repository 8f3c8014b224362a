"""Telling events to others as CloudEvents 1.0 (https://cloudevents.io), from the store's own log.

At least once and in order for each execution: one relay at a time tells those of a shard, and
confirms them to the store after they have arrived.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wfcore.bus.events import EventRecord, EventSink
from wfcore.engine.plans import json_text
from wfcore.engine.views import event_view, moment
from wfcore.errors import StoreError
from wfcore.store.contract import Event
from wfcore.store.shared import FeedLevel, SharedStore

__all__ = ["Relay", "Telling", "cloud_event"]

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 500
_IDLE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 2.0
_CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"


class Telling(NamedTuple):
    """Where events are told, and which: the turns of `executions`, or all of their `nodes`."""

    sink: EventSink
    level: FeedLevel = "executions"


class Relay:
    """Passes events of a store on to a sink. Every process of a cluster may run one."""

    def __init__(self, store: SharedStore, telling: Telling) -> None:
        self._store = store
        self._sink = telling.sink
        self._level: FeedLevel = telling.level
        self._name = secrets.token_hex(8)

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            pause = _IDLE_SECONDS
            try:
                for shard in range(self._store.shards):
                    while await self._pass_on(shard):
                        pass
            except StoreError as error:
                _log.warning("events wait for the store: %s", error)
                pause = _PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def _pass_on(self, shard: int) -> bool:
        """Tell some events of a shard; whether there may be more to tell now."""
        page = await self._store.feed(shard, self._name, self._level, _AT_ONCE)
        if page is None or not page.listed:
            return False
        if page.events and not await self._sink.tell(_records(page.events)):
            return False
        await self._store.fed(shard, self._name, page.listed)
        return page.listed == _AT_ONCE


def _records(events: Sequence[tuple[str, Event]]) -> list[EventRecord]:
    return [
        EventRecord(
            execution.encode(), json_text(cloud_event(execution, event)).encode(), _CONTENT_TYPE
        )
        for execution, event in events
    ]


def cloud_event(execution: str, event: Event) -> dict[str, Any]:
    """Return an event as a CloudEvent: `id` is the same however often it is told."""
    turned = event.status.lower()
    if event.key and not event.status.terminal and event.key != "@start":
        kind, subject = f"node.{(event.to or 'halted').lower()}", f"{execution}/{event.key}"
    else:
        kind = f"execution.{'started' if turned == 'running' else turned}"
        subject = execution
    return {
        "specversion": "1.0",
        "id": f"{execution}/{event.seq}",
        "source": "/wfcore",
        "type": f"wfcore.{kind}",
        "subject": subject,
        "time": moment(event.at),
        "datacontenttype": "application/json",
        "data": {"execution_id": execution, **event_view(event)},
    }
