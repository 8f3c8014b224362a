"""The events of an execution, as they come (server-sent events)."""

import logging
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from wfcore import (
    DocumentRefused,
    Engine,
    EngineNotOpen,
    Event,
    ExecutionNotFound,
    Problem,
    StoreError,
)
from wfcore.engine.views import event_view
from wfcore.store.contract import ExecutionRecord
from wfserver import examples
from wfserver.description import stream_answers
from wfserver.parameters import Parameters
from wfserver.serving import ServingEngine
from wfserver.snapshot import snapshot
from wfserver.stopping import ServerStopping
from wfserver.stream import EventStream, server_sent

__all__ = ["router"]

_log = logging.getLogger(__name__)
router = APIRouter(tags=["executions"])

_AFTER = "Go on after the event with this `seq`: no snapshot, no gap, no repeat."
_Sequence = Annotated[int, Field(ge=0, le=2**53)]


class EventsParameters(Parameters):
    """Where to begin."""

    after: Annotated[_Sequence | None, Field(description=_AFTER)] = None


@router.get(
    "/workflows/{execution_id}/events",
    summary="Follow an execution",
    operation_id="events",
    response_class=Response,
    responses=stream_answers(examples.EVENTS, 404, 422, 503),
)
async def events(
    execution_id: str,
    engine: ServingEngine,
    stopping: ServerStopping,
    asked: Annotated[EventsParameters, Query()],
    last_event_id: Annotated[
        _Sequence | None, Header(alias="Last-Event-ID", description=_AFTER)
    ] = None,
) -> EventStream:
    """Stream what happens to an execution until its end, as server-sent events.

    First a `snapshot` (the body of `GET /workflows/{execution_id}`), then a `transition` for each
    event, with its `seq` as id; what handlers say meanwhile comes as `message`; at the end `end`.
    A client that was cut off sends `Last-Event-ID` (browsers do so by themselves) and misses
    nothing. A server that stops ends the stream without `end`: ask again.
    """
    record = await engine.record(execution_id)
    after = last_event_id if last_event_id is not None else asked.after
    if after is not None and after > record.seq:
        message = f"the execution has no event {after} yet; its last one is {record.seq}"
        raise DocumentRefused([Problem("events.after", "", message, "begin without it")])
    return EventStream(_told(engine, record, after), stopping)


async def _told(
    engine: Engine, record: ExecutionRecord, after: int | None
) -> AsyncGenerator[bytes, None]:
    try:
        if after is None:
            view, after = await snapshot(engine, record)
            yield server_sent("snapshot", view, after)
        number = record.number
        async for told in engine.events(record.id, after, transient=True, number=number):
            if isinstance(told, Event):
                yield server_sent("transition", event_view(told), told.seq)
            else:
                yield server_sent("message", _message(told))
        ended = await engine.record(record.id)
    except (EngineNotOpen, ExecutionNotFound):
        # The server stops, or the execution was deleted. The client asks again, or is told so then.
        return
    except StoreError as error:
        _log.warning("a stream of %s ends: the store does not answer: %s", record.id, error)
        return
    if ended.number == number:
        yield server_sent("end", {"execution_id": ended.id, "status": str(ended.status)})


def _message(told: Any) -> dict[str, Any]:
    return {"key": told.key, "attempt": told.attempt, "kind": told.kind, "data": told.data}
