"""The events of an execution as they come, and what its handlers say in between."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from wfcore.engine.patience import PATIENCE
from wfcore.engine.runtime import Runtime
from wfcore.engine.watch import Message, Watch
from wfcore.store.contract import Event
from wfcore.workflow.states import NodeState

__all__ = ["follow"]

_PAGE: Final = 500


async def follow(
    runtime: Runtime, execution: str, number: int, after: int, *, transient: bool
) -> AsyncIterator[Event | Message]:
    """Yield events with `seq` > `after` to the end; with `transient`, messages in between.

    A message of an attempt comes before the event that ends it. Where the execution is deleted
    meanwhile, nothing more comes.
    """
    store = runtime.store
    with runtime.watchers.watch(execution, listens=transient) as watch:
        while True:
            heard = watch.take()
            page = await runtime.insist(partial(store.events, execution, after, _PAGE), PATIENCE)
            record = await runtime.insist(partial(store.read, execution), PATIENCE)
            if record is None or record.number != number:
                return
            for event in page:
                for message in _said_before(event, heard, watch):
                    yield message
                after = event.seq
                yield event
                if event.status.terminal:
                    return
            for message in heard:
                yield message
            if after >= record.seq:
                if record.status.terminal:
                    return
                await watch.changed()


def _said_before(event: Event, heard: list[Message], watch: Watch) -> list[Message]:
    """Take out of what was heard what the attempt said that an event ends."""
    if event.before is not NodeState.RUNNING:
        return []
    heard += watch.take()
    said = [message for message in heard if message.key == event.key]
    heard[:] = [message for message in heard if message.key != event.key]
    return said
