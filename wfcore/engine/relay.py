"""Telling events to others as CloudEvents 1.0 (https://cloudevents.io), from the store's own log.

At least once and in order for each execution: one relay at a time tells those of a shard, and
confirms them to the store after they have arrived. A plugin's sink that keeps failing loses events,
and holds up nobody else.
"""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, Final, NamedTuple, Protocol

from wfcore.bus.events import EventSink
from wfcore.engine.counters import Counters
from wfcore.engine.views import event_view, moment
from wfcore.errors import StoreError
from wfcore.store.contract import Event
from wfcore.store.shared import FeedPage
from wfcore.workflow.states import EventLevel

__all__ = ["PLUGIN_TRIES", "Feed", "Relay", "Telling", "cloud_event"]

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 500
_IDLE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 2.0
_TELL_SECONDS: Final = 10.0
_GIVEN_UP_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 5.0
PLUGIN_TRIES: Final = 3
"""How often a plugin's sink is told the same before it is given up."""


class Telling(NamedTuple):
    """Where events are told, and which: the turns of `executions`, or all of their `nodes`."""

    sink: EventSink
    level: EventLevel = "executions"
    tries: int | None = None
    """After so many failures events are given up; None: never."""


class Feed(Protocol):
    """Where a relay reads what it is to tell; a `SharedStore` is one."""

    @property
    def shards(self) -> int:
        """Into how many parts, each with an order of its own, it is divided."""
        ...

    async def feed(self, shard: int, relay: str, level: EventLevel, limit: int) -> FeedPage | None:
        """Read what to tell of one shard; None: another relay does."""
        ...

    async def fed(self, shard: int, relay: str, count: int) -> None:
        """Confirm the first `count` of what was read."""
        ...


class Relay:
    """Passes events of a store on to sinks. Every process of a cluster may run one."""

    def __init__(self, feed: Feed, tellings: Sequence[Telling], counters: Counters) -> None:
        self._feed = feed
        self._sinks = [_Sink(each, counters) for each in tellings]
        all_nodes = any(each.level == "nodes" for each in tellings)
        self._level: EventLevel = "nodes" if all_nodes else "executions"
        self._name = secrets.token_hex(8)

    async def open(self) -> None:
        """Let the sinks connect; one that cannot may be able to when there is something to tell."""
        await asyncio.gather(*(sink.open() for sink in self._sinks))

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            pause = _IDLE_SECONDS
            try:
                for shard in range(self._feed.shards):
                    while await self._pass_on(shard):
                        pass
            except StoreError as error:
                _log.warning("events wait for the store: %s", error)
                pause = _PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Tell what is left, within some seconds, and let the sinks disconnect."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                for shard in range(self._feed.shards):
                    while await self._pass_on(shard):
                        pass
        except (StoreError, TimeoutError) as error:
            _log.warning("some events are not told before the end: %r", error)
        await asyncio.gather(*(sink.close() for sink in self._sinks))

    async def _pass_on(self, shard: int) -> bool:
        """Tell some events of a shard; whether there may be more to tell now."""
        page = await self._feed.feed(shard, self._name, self._level, _AT_ONCE)
        if page is None or not page.listed:
            return False
        told = [
            (cloud_event(execution, event), _is_turn(event)) for execution, event in page.events
        ]
        arrived = await asyncio.gather(*(sink.tell(told) for sink in self._sinks))
        if not all(arrived):
            return False
        for sink in self._sinks:
            sink.confirmed.clear()
        await self._feed.fed(shard, self._name, page.listed)
        return page.listed == _AT_ONCE


class _Sink:
    """One sink: what of the events that are being told has arrived there, and its failures."""

    def __init__(self, telling: Telling, counters: Counters) -> None:
        self._telling = telling
        self._counters = counters
        self._failures = 0
        self._given_up = False
        """Until it takes something again, it gets one try of a second: others wait for it."""
        self.confirmed: set[str] = set()
        """The ids of those that it need not be told again, while others are."""

    async def open(self) -> None:
        try:
            await _within(_TELL_SECONDS, self._telling.sink.open())
        except Exception:  # noqa: BLE001 - a plugin's code may raise anything
            _log.exception("the event sink %s cannot be opened", self._named())

    async def close(self) -> None:
        try:
            await _within(_CLOSE_SECONDS, self._telling.sink.close())
        except Exception:  # noqa: BLE001 - the others are closed, too
            _log.exception("the event sink %s cannot be closed", self._named())

    async def tell(self, events: Sequence[tuple[dict[str, Any], bool]]) -> bool:
        """Tell those of its level that have not arrived yet; whether it needs them no more."""
        wanted = [
            event
            for event, is_turn in events
            if (is_turn or self._telling.level == "nodes") and event["id"] not in self.confirmed
        ]
        if not wanted:
            return True
        try:
            seconds = _GIVEN_UP_SECONDS if self._given_up else _TELL_SECONDS
            await _within(seconds, self._telling.sink.tell(wanted))
            self._given_up = False
        except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything
            if not self._gives_up(len(wanted), error):
                return False
        self._failures = 0
        self.confirmed |= {event["id"] for event in wanted}
        return True

    def _gives_up(self, count: int, error: Exception) -> bool:
        """Whether the sink has failed often enough for its events to be left out."""
        tries = self._telling.tries
        if tries is None:
            return False
        self._failures += 1
        if self._failures < tries and not self._given_up:
            _log.warning("the event sink %s failed, and is told again: %r", self._named(), error)
            return False
        self._given_up = True
        self._counters.events_lost += count
        _log.error(
            "the event sink %s does not take events; %d are left out: %r",
            self._named(),
            count,
            error,
        )
        return True

    def _named(self) -> str:
        try:
            return self._telling.sink.name
        except Exception:  # noqa: BLE001 - a plugin's code; its class says enough
            return type(self._telling.sink).__qualname__


async def _within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    """Do a sink's work; one that does not end in time, cancelled or not, is left behind."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if not task.done():
        raise TimeoutError(f"no answer in {seconds:g} s")
    task.result()


def _is_turn(event: Event) -> bool:
    """Whether an event is a turn of its execution, rather than of a node alone."""
    return not event.key or event.status.terminal or event.key == "@start"


def cloud_event(execution: str, event: Event) -> dict[str, Any]:
    """Return an event as a CloudEvent: `id` is the same however often it is told."""
    if _is_turn(event):
        turned = event.status.lower()
        kind = f"execution.{'started' if turned == 'running' else turned}"
        subject = execution
    else:
        kind, subject = f"node.{(event.to or 'halted').lower()}", f"{execution}/{event.key}"
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
