"""The contract's values as the script takes and gives them.

Texts of a kilobyte and more are compressed; a byte before them says how they are stored.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgpack

from wfcore.errors import CommandRefused
from wfcore.store.contract import (
    Code,
    Due,
    Event,
    ExecutionRecord,
    Fired,
    Halt,
    Lease,
    Move,
    NewExecution,
    NodeRecord,
    NodeResult,
    Reply,
)
from wfcore.workflow.states import NodeState, Status

__all__ = [
    "command_of",
    "content_of",
    "description_of",
    "due_of",
    "event_of",
    "fed_event",
    "lease_of",
    "node_of",
    "record_of",
    "reference_to",
    "referred",
    "reply_of",
    "result_of",
    "shrunk",
    "text_of",
]

_SMALLEST: Final = 1_024
_pack: Final[Any] = msgpack.packb
_STATES: Final = (
    NodeState.PENDING,
    NodeState.READY,
    NodeState.RUNNING,
    NodeState.WAITING,
    NodeState.COMPLETED,
    NodeState.FAILED,
    NodeState.SKIPPED,
    NodeState.CANCELLED,
)
_STATUSES: Final = {
    at: Status(str(state)) for at, state in enumerate(_STATES) if str(state) in Status.__members__
}
_PLAIN: Final = b"p"
_DEFLATED: Final = b"z"
_OUTPUT: Final = b"o"
_ERROR: Final = b"e"
_BOTH: Final = b"b"
_ELSEWHERE: Final = b"r"


def shrunk(data: bytes) -> bytes:
    """Return data as it is stored."""
    if len(data) >= _SMALLEST:
        deflated = zlib.compress(data, 1)
        if len(deflated) < len(data):
            return _DEFLATED + deflated
    return _PLAIN + data


def grown(stored: bytes) -> bytes:
    """Return what `shrunk` was given."""
    return zlib.decompress(stored[1:]) if stored[:1] == _DEFLATED else stored[1:]


def text_of(stored: bytes) -> str:
    """Return a text that was stored."""
    return grown(stored).decode()


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def command_of(move: Move, content: bytes | None) -> tuple[Any, ...]:
    """Return a Move as a command; raises `CommandRefused` for what the other stores refuse too.

    `content` is what its node leaves behind, as `content_of` gives it.
    """
    try:
        if move.detail is not None:
            json.loads(move.detail)
        meters = None
        if move.meters:
            meters = {str(name): 0 + amount for name, amount in move.meters.items()}
    except (TypeError, ValueError) as error:
        raise CommandRefused(error) from error
    return (
        "move",
        (
            move.execution,
            move.key,
            move.expect,
            move.to,
            move.token,
            move.new_token,
            move.deadline_ms,
            move.charge,
            move.edges,
            move.cursor,
            move.next_cursor,
            move.keep,
            move.keep_token,
            move.lease_ms,
            move.ready_ms,
            move.queue,
            move.handler,
            content,
            move.fails,
            move.if_due,
            move.notice,
            meters,
            move.detail,
            move.number,
        ),
    )


def content_of(move: Move) -> bytes | None:
    """Return what a node leaves behind as it is stored; raises `CommandRefused`."""
    try:
        return _content(move.output, move.error)
    except (TypeError, ValueError) as error:
        raise CommandRefused(error) from error


def reference_to(path: str) -> bytes:
    """Return what stands in the place of content that is kept elsewhere."""
    return _ELSEWHERE + path.encode()


def referred(content: str | bool) -> str | None:
    """Return where content is kept, if it is kept elsewhere."""
    if isinstance(content, str) and content.startswith(_ELSEWHERE.decode()):
        return content[1:]
    return None


def _content(output: str | None, error: str | None) -> bytes | None:
    if output is not None and error is not None:
        return _BOTH + shrunk(_pack((output, error)))
    if output is not None:
        return _OUTPUT + shrunk(output.encode())
    if error is not None:
        return _ERROR + shrunk(error.encode())
    return None


def result_of(state: int, content: str | bytes | bool) -> NodeResult:
    """Return where a node stands and what it left behind."""
    output = error = None
    if not isinstance(content, bool):
        stored = _as_bytes(content) if isinstance(content, str) else content
        data = grown(stored[1:])
        if stored[:1] == _BOTH:
            output, error = msgpack.unpackb(data)
        elif stored[:1] == _OUTPUT:
            output = data.decode()
        else:
            error = data.decode()
    return NodeResult(_STATES[state], output, error)


def reply_of(move: Move, answer: Sequence[Any]) -> Reply:
    """Return the answer to a Move."""
    code, status, plan, number, fired, kept, *rest = answer
    lease, waited = rest or (None, None)
    edges = move.edges
    return Reply(
        Code(code),
        Status(status),
        plan,
        [Fired(edges[at - 1].key, edges[at - 1].queue, edges[at - 1].handler) for at in fired]
        if fired
        else (),
        [lease_of(move.execution, number, each) for each in kept] if kept else (),
        lease_of(move.execution, number, lease) if lease else None,
        None if waited is False else waited,
        number,
    )


def lease_of(execution: str, number: int, given: Sequence[Any]) -> Lease:
    """Return a lease."""
    key, token, attempt, failures, lost, ok, failed, skipped, age = given
    return Lease(execution, key, token, attempt, failures, lost, ok, failed, skipped, age, number)


def due_of(given: Sequence[Any]) -> Due:
    """Return what is to be taken up again."""
    execution, key, state, token, attempt, failures, lost, cursor, halt, plan, number = given
    return Due(
        execution,
        key,
        _STATES[state],
        token,
        attempt,
        failures,
        lost,
        cursor,
        Halt(halt),
        plan,
        number,
    )


def description_of(new: NewExecution) -> bytes:
    """Return what of an execution never changes and no script reads."""
    return shrunk(_pack((new.name, dict(new.labels), new.input)))


def record_of(identifier: str, answer: Sequence[Any]) -> ExecutionRecord:
    """Return an execution as it is read."""
    plan, mutable, described, retry_of, active, seq = answer
    status, halt, failures, created, started, ended, notices, meters, number, *_ = mutable
    name, labels, given = msgpack.unpackb(grown(_as_bytes(described)))
    return ExecutionRecord(
        id=identifier,
        plan=plan,
        name=name,
        labels=labels,
        status=Status(status),
        halt=Halt(halt),
        active=active,
        failures=failures,
        seq=seq,
        notices=tuple(notices),
        input=given,
        created=created,
        started=started or None,
        ended=ended or None,
        meters=_numbers(meters),
        retry_of=retry_of or None,
        number=number,
    )


def _numbers(meters: Any) -> dict[str, float]:
    # An empty table of Lua's may come as a list.
    return dict(meters) if isinstance(meters, Mapping) else {}


def node_of(key: str, row: bytes, created: int) -> NodeRecord:
    """Return a node's row as it is read."""
    state, _, attempt, failures, lost, _, _, _, _, started, ended, *_ = msgpack.unpackb(
        row, unicode_errors="surrogateescape"
    )
    return NodeRecord(
        key,
        _STATES[state],
        attempt,
        failures,
        lost,
        _moment(created, started),
        _moment(created, ended),
    )


def _moment(created: int, since: int | bool) -> int | None:
    # 0 is a time, False is none.
    return None if since is False else created + since


def event_of(seq: int, stored: bytes, created: int) -> Event:
    """Return an event."""
    since, key, before, to, attempt, fired, kept, status, *detail = msgpack.unpackb(stored)
    return Event(
        seq,
        created + since,
        key,
        None if before is False else _STATES[before],
        None if to is False else _STATES[to],
        attempt,
        tuple(fired),
        tuple(kept),
        _STATUSES[status],
        json.loads(detail[0]) if detail and detail[0] else None,
    )


def fed_event(seq: int, created: int, stored: str) -> Event:
    """Return an event that came through the script."""
    return event_of(seq, _as_bytes(stored), created)
