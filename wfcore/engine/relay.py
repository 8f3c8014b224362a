"""Telling events to others as CloudEvents 1.0 (https://cloudevents.io), from the store's own log.

At least once and in order for each execution: one relay at a time tells those of a shard, and
confirms them to the store after they have arrived. A plugin's sink that keeps failing loses events,
and holds up nobody else.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final, NamedTuple, Protocol

from wfcore.bus.events import EventSink
from wfcore.engine.bounded import within
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
_PATIENT_SECONDS: Final = 30.0
"""For a sink that is never given up: clearly longer than it takes to find out by itself."""
_GIVEN_UP_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 5.0
_CLOSING_PAUSE_SECONDS: Final = 0.1
_COUNT_SECONDS: Final = 1.0
_UNCOUNTED: Final = 100_000
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

    def __init__(
        self, feed: Feed, tellings: Sequence[Telling], counters: Counters, *, lasts: bool = True
    ) -> None:
        self._feed = feed
        self._counters = counters
        self._lasts = lasts  # what is not told at the close, another relay can tell later
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
                    while await self._pass_on(shard) == _AT_ONCE:
                        pass
            except StoreError as error:
                _log.warning("events wait for the store: %s", error)
                pause = _PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Tell what is left, within some seconds, and let the sinks disconnect."""
        for sink in self._sinks:
            sink.closing = True
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                for shard in range(self._feed.shards):
                    await self._tell_rest(shard)
        except (StoreError, TimeoutError) as error:
            await self._leave_out(error)
        finally:
            await asyncio.gather(*(sink.close() for sink in self._sinks))

    async def _tell_rest(self, shard: int) -> None:
        """Tell all of a shard, and try it again where it fails."""
        failures = 0
        # Where others can go on, it is left to them sooner: their executions go on as well.
        while not (self._lasts and failures >= PLUGIN_TRIES):
            try:
                passed = await self._pass_on(shard)
                if passed is None or (self._lasts and 0 < passed < _AT_ONCE):
                    return
                if passed:
                    continue
            except StoreError:
                if self._lasts:
                    raise
            failures += 1
            await asyncio.sleep(_CLOSING_PAUSE_SECONDS)

    async def _leave_out(self, reason: Exception) -> None:
        """Say what has not been told before the end."""
        if self._lasts:
            _log.warning("some events are told by others, or at the next start: %r", reason)
            return
        lost = 0
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_COUNT_SECONDS):
                for shard in range(self._feed.shards):
                    page = await self._feed.feed(shard, self._name, self._level, _UNCOUNTED)
                    told = _told(page)
                    lost += sum(len(sink.wanted(told)) for sink in self._sinks)
        self._counters.events_lost += lost
        _log.error("%d events are not told before the end", lost)

    async def _pass_on(self, shard: int) -> int | None:
        """Tell some events of a shard; return how many arrived, and None where there are none."""
        page = await self._feed.feed(shard, self._name, self._level, _AT_ONCE)
        if page is None or not page.listed:
            return None
        told = _told(page)
        arrived = await asyncio.gather(*(sink.tell(told) for sink in self._sinks))
        if not all(arrived):
            return 0
        for sink in self._sinks:
            sink.confirmed.clear()
        await self._feed.fed(shard, self._name, page.listed)
        return page.listed


class _Told(NamedTuple):
    """An event as it is told."""

    is_turn: bool
    event: dict[str, Any]

    @property
    def id(self) -> str:
        """The same however often it is told."""
        return str(self.event["id"])


def _told(page: FeedPage | None) -> list[_Told]:
    return [
        _Told(_is_turn(event), cloud_event(execution, event))
        for execution, event in (page.events if page is not None else ())
    ]


class _Sink:
    """One sink: what of the events that are being told has arrived there, and its failures."""

    def __init__(self, telling: Telling, counters: Counters) -> None:
        self._telling = telling
        self._counters = counters
        self._failures = 0
        self._given_up = False
        """Until it takes something again, it gets one try of a second: others wait for it."""
        self._is_away = False
        self.closing = False
        """Whether there is little time left."""
        self.confirmed: set[str] = set()
        """Those that it need not be told again, while others are."""

    async def open(self) -> None:
        try:
            await within(_TELL_SECONDS, self._telling.sink.open)
        except Exception:  # noqa: BLE001 - a plugin's code may raise anything
            _log.exception("the event sink %s cannot be opened", self._named())

    async def close(self) -> None:
        try:
            await within(_CLOSE_SECONDS, self._telling.sink.close)
        except Exception:  # noqa: BLE001 - the others are closed, too
            _log.exception("the event sink %s cannot be closed", self._named())

    def wanted(self, told: Sequence[_Told]) -> list[_Told]:
        """Choose those of its level that have not arrived yet."""
        return [
            each
            for each in told
            if (each.is_turn or self._telling.level == "nodes") and each.id not in self.confirmed
        ]

    async def tell(self, told: Sequence[_Told]) -> bool:
        """Tell those that it wants; whether it needs them no more."""
        wanted = self.wanted(told)
        if not wanted:
            return True
        events = [each.event for each in wanted]
        if self._telling.tries is not None:
            # A plugin may change what it is given, and others are given the same.
            events = deepcopy(events)
        try:
            await within(self._seconds(), lambda: self._telling.sink.tell(events))
        except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything
            if not self._gives_up(len(wanted), error):
                return False
        else:
            self._given_up = self._is_away = False
        self._failures = 0
        self.confirmed |= {each.id for each in wanted}
        return True

    def _seconds(self) -> float:
        if self._given_up:
            return _GIVEN_UP_SECONDS
        if self.closing:
            # So that one that hangs leaves time for what the others are to be told yet.
            return _CLOSE_SECONDS / 2
        return _TELL_SECONDS if self._telling.tries is not None else _PATIENT_SECONDS

    def _gives_up(self, count: int, error: Exception) -> bool:
        """Whether the sink has failed often enough for its events to be left out."""
        tries = self._telling.tries
        if tries is None:
            if not self._is_away:
                _log.warning("events wait: %s does not take them: %r", self._named(), error)
            self._is_away = True
            return False
        self._failures += 1
        hung_at_the_end = self.closing and isinstance(error, TimeoutError)
        if self._failures < tries and not self._given_up and not hung_at_the_end:
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
        except (Exception, asyncio.CancelledError, SystemExit):  # noqa: BLE001 - a plugin's code
            return type(self._telling.sink).__qualname__


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
        # With the time: the id of a deleted execution may come again.
        "id": f"{execution}/{event.seq}/{event.at}",
        "source": "/wfcore",
        "type": f"wfcore.{kind}",
        "subject": subject,
        "time": moment(event.at),
        "datacontenttype": "application/json",
        "data": {"execution_id": execution, **event_view(event)},
    }
