"""An execution as it stood after one of its events: where a stream begins without a gap."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, Final, cast

from wfcore import Engine, Event, ExecutionNotFound, NodeState
from wfcore.store.contract import ExecutionRecord

__all__ = ["snapshot"]

_LOOKS: Final = 3


async def snapshot(engine: Engine, of: ExecutionRecord) -> tuple[dict[str, Any], int]:
    """Return the body of `GET /workflows/{execution_id}`, and the `seq` that it covers exactly.

    Raises `ExecutionNotFound` where the execution was deleted, though its id may have come again.
    """
    looks = 0
    while True:
        looks += 1
        before = await engine.record(of.id)
        view = await engine.execution(of.id)
        after = await engine.record(of.id)
        if after.number != of.number:
            raise ExecutionNotFound(of.id)
        if before.seq == after.seq:
            return view, before.seq
        # What has ended holds still.
        if looks >= _LOOKS and not after.status.terminal:
            await _take_back(engine, view, before, after.seq)
            return view, before.seq


async def _take_back(
    engine: Engine, view: dict[str, Any], before: ExecutionRecord, last: int
) -> None:
    """Undo in a view what the events after `before` may have changed in it."""
    known: set[str] = set()
    reached = before.seq
    events = engine.events(before.id, before.seq, number=before.number)
    async with aclosing(cast("Any", events)):
        async for event in events:
            for key, state in _states_before(event):
                if key in view["nodes"] and key not in known:
                    # A node has an output or an error at its end only.
                    view["nodes"][key] = {"state": str(state), "output": {}}
                known.add(key)
            reached = event.seq
            if reached >= last:
                break
    if reached < last:
        raise ExecutionNotFound(before.id)
    view["status"] = str(before.status)


def _states_before(event: Event) -> Iterator[tuple[str, NodeState]]:
    yield event.key, event.before or NodeState.PENDING
    for key in (*event.fired, *event.kept):
        yield key, NodeState.PENDING
