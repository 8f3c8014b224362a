"""Applying a Move or a halt to the rows of a ledger: the one place where memory and SQLite change.

Reads and checks come first and nothing is written before the last of them, so that a refused
command leaves no trace. The Redis script does the same steps in the same order.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wfcore.store.contract import (
    NO_CURSOR,
    Charge,
    Code,
    Edge,
    EdgeKind,
    Event,
    Fired,
    Halt,
    Lease,
    Move,
    Reply,
)
from wfcore.store.ledger import Entry, Ledger
from wfcore.store.rows import ACTIVE, NodeRow
from wfcore.workflow.states import NodeState, Status

__all__ = ["apply", "halt"]

_MAX_NOTICES: Final = 5
_LARGEST: Final = sys.float_info.max


def apply(ledger: Ledger, move: Move, now: int) -> Reply:
    """Apply one Move at the time `now`, or say why not."""
    entry = ledger.find(move.execution, move.number)
    if entry is None:
        return Reply(Code.GONE, Status.PENDING)
    row = ledger.node(entry, move.key)
    if row is not None and _stands_after(row, move, now):
        return _answer_again(ledger, entry, row, move, now)
    refusal = _refusal(entry, row, move, now)
    if refusal is not None:
        return _reply(refusal, entry)
    return _change(ledger, entry, row, move, now)


def halt(
    ledger: Ledger, execution: str, number: int, reason: Halt, sweep_ms: int | None, now: int
) -> Reply:
    """Let no further node of an execution open, and say when its open nodes are looked after."""
    entry = ledger.find(execution, number)
    if entry is None:
        return Reply(Code.GONE, Status.PENDING)
    row = entry.row
    repeated = bool(row.halt)
    if not repeated:
        if row.status.terminal:
            return _reply(Code.STALE, entry)
        row.halt = reason
        _end_if_done(ledger, entry, now)
        _log(ledger, entry, now, detail={"halt": str(reason)})
    sweep = None if sweep_ms is None or row.status.terminal else now + sweep_ms
    ledger.set_execution_deadline(entry, sweep)
    ledger.save_execution(entry)
    return _reply(Code.AGAIN if repeated else Code.OK, entry)


def _reply(
    code: Code,
    entry: Entry,
    fired: Sequence[Fired] = (),
    kept: Sequence[Lease] = (),
    lease: Lease | None = None,
) -> Reply:
    execution = entry.row
    number = execution.number
    return Reply(code, execution.status, execution.plan, fired, kept, lease, number=number)


def _stands_after(row: NodeRow, move: Move, now: int) -> bool:
    """Whether the row is where this very Move would bring it: the command is a repeat."""
    if row.state is not move.to or row.token != move.new_token:
        return False
    if NO_CURSOR < row.cursor <= move.cursor:
        return False
    return not (move.if_due and _is_due(row, now))


def _is_due(row: NodeRow, now: int) -> bool:
    return row.deadline is not None and row.deadline <= now


def _refusal(entry: Entry, row: NodeRow | None, move: Move, now: int) -> Code | None:
    state = row.state if row is not None else NodeState.PENDING
    token = row.token if row is not None else 0
    cursor = row.cursor if row is not None else NO_CURSOR
    if state not in move.expect or cursor != move.cursor:
        return Code.STALE
    if move.token not in (0, token):
        return Code.STALE
    if move.if_due and (row is None or not _is_due(row, now)):
        return Code.STALE
    if move.charge is Charge.ATTEMPT and row is not None and row.leased == move.new_token:
        return Code.STALE
    if entry.row.halt and (move.to in ACTIVE or state is NodeState.PENDING):
        return Code.HALTED
    if entry.row.ended is not None:
        return Code.STALE
    return None


def _change(ledger: Ledger, entry: Entry, row: NodeRow | None, move: Move, now: int) -> Reply:
    detail = json.loads(move.detail) if move.detail else None
    sums = _sums(entry.row.meters, move.meters or {})
    execution = entry.row
    row = row or ledger.add(entry, move.key)
    before, was_active = row.state, row.is_active
    halted = bool(execution.halt)
    _move_row(row, move, now, halted)
    fired: list[Fired] = []
    kept: list[Lease] = []
    if move.edges and not halted:
        fired, kept = _count_edges(ledger, entry, move, now)
    ledger.save(entry, row)
    if move.output is not None or move.error is not None:
        ledger.put_result(entry, row.key, move.output, move.error)
    execution.active += row.is_active - was_active + len(fired) + len(kept)
    execution.failures += move.fails
    if move.notice is not None:
        _add_notice(entry, move.notice)
    execution.meters.update(sums)
    if execution.status is Status.PENDING:
        _begin(ledger, entry, now)
    _end_if_done(ledger, entry, now)
    _log(ledger, entry, now, row, before, fired, kept, detail)
    ledger.save_execution(entry)
    lease = row.lease(execution.number, now) if row.state is NodeState.RUNNING else None
    return _reply(Code.OK, entry, fired, kept, lease)


def _move_row(row: NodeRow, move: Move, now: int, halted: bool) -> None:
    row.state = move.to
    row.token = move.new_token
    row.cursor = NO_CURSOR if halted else move.next_cursor
    if row.cursor != NO_CURSOR:
        row.deadline = now + move.ready_ms
    else:
        row.deadline = now + move.deadline_ms if move.deadline_ms is not None else None
    if move.charge is Charge.ATTEMPT:
        row.attempt += 1
        row.started = row.started if row.started is not None else now
        row.leased = move.new_token
    elif move.charge is Charge.FAILURE:
        row.failures += 1
    elif move.charge is Charge.LOST:
        row.lost += 1
    if move.to.terminal and row.ended is None:
        row.ended = now
    if move.to is NodeState.READY:
        row.queue, row.handler = move.queue, move.handler


def _count_edges(
    ledger: Ledger, entry: Entry, move: Move, now: int
) -> tuple[list[Fired], list[Lease]]:
    """Count one chunk of edges on its targets, and open those whose join can now be judged."""
    fired: list[Fired] = []
    kept: list[Lease] = []
    for edge in move.edges:
        target = ledger.node(entry, edge.key) or ledger.add(entry, edge.key)
        _count(target, edge.kind)
        if _fires(target, edge):
            if edge.keep and len(kept) < move.keep:
                _lease(target, move, len(kept), now)
                kept.append(target.lease(entry.row.number, now))
            else:
                target.state = NodeState.READY
                target.deadline = now + move.ready_ms
                fired.append(Fired(edge.key, edge.queue, edge.handler))
            target.queue, target.handler = edge.queue, edge.handler
        ledger.save(entry, target)
    return fired, kept


def _count(target: NodeRow, kind: EdgeKind) -> None:
    if kind is EdgeKind.OK:
        target.ok += 1
    elif kind is EdgeKind.FAILED:
        target.failed += 1
    else:
        target.skipped += 1


def _fires(target: NodeRow, edge: Edge) -> bool:
    if target.state is not NodeState.PENDING:
        return False
    return target.ok >= edge.need or target.ok + target.failed + target.skipped == edge.deps


def _lease(target: NodeRow, move: Move, index: int, now: int) -> None:
    target.state = NodeState.RUNNING
    target.token = target.leased = move.keep_token + index
    target.attempt = 1
    target.started = now
    target.deadline = now + move.lease_ms


def _answer_again(ledger: Ledger, entry: Entry, row: NodeRow, move: Move, now: int) -> Reply:
    """Read the first answer back from the rows.

    A target leased with this Move's tokens was kept; one that is READY may have been fired by it
    (a needless hint does no harm).
    """
    fired: list[Fired] = []
    kept: list[Lease] = []
    tokens = range(move.keep_token, move.keep_token + move.keep)
    for edge in move.edges:
        target = ledger.node(entry, edge.key)
        if target is None:
            continue
        if target.state is NodeState.RUNNING and target.token in tokens:
            kept.append(target.lease(entry.row.number, now))
        elif target.state is NodeState.READY:
            fired.append(Fired(edge.key, edge.queue, edge.handler))
    lease = row.lease(entry.row.number, now) if row.state is NodeState.RUNNING else None
    return _reply(Code.AGAIN, entry, fired, kept, lease)


def _sums(meters: Mapping[str, float], used: Mapping[str, float]) -> dict[str, float]:
    """Return the new sums of what was used, none beyond what JSON can say."""
    return {
        name: max(-_LARGEST, min(meters.get(name, 0) + amount, _LARGEST))
        for name, amount in used.items()
    }


def _add_notice(entry: Entry, notice: str) -> None:
    notices = entry.row.notices
    if notice not in notices and len(notices) < _MAX_NOTICES:
        entry.row.notices = (*notices, notice)


def _begin(ledger: Ledger, entry: Entry, now: int) -> None:
    execution = entry.row
    execution.status = Status.RUNNING
    execution.started = now
    if execution.timeout is not None:
        ledger.set_execution_deadline(entry, now + execution.timeout)


def _end_if_done(ledger: Ledger, entry: Entry, now: int) -> None:
    execution = entry.row
    if execution.active:
        return
    if execution.halt is Halt.CANCEL:
        execution.status = Status.CANCELLED
    elif execution.halt is Halt.TIMEOUT or execution.failures:
        execution.status = Status.FAILED
    else:
        execution.status = Status.COMPLETED
    execution.ended = now
    ledger.set_execution_deadline(entry, None)


def _log(
    ledger: Ledger,
    entry: Entry,
    now: int,
    row: NodeRow | None = None,
    before: NodeState | None = None,
    fired: list[Fired] | None = None,
    kept: list[Lease] | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    execution = entry.row
    execution.seq += 1
    ledger.log(
        entry,
        Event(
            seq=execution.seq,
            at=now,
            key=row.key if row is not None else "",
            before=before,
            to=row.state if row is not None else None,
            attempt=row.attempt if row is not None else 0,
            fired=tuple([item.key for item in fired or ()]),
            kept=tuple([item.key for item in kept or ()]),
            status=execution.status,
            detail=detail,
        ),
    )
