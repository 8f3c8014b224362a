"""A sequential reference for every store, written from the contract's text alone.

It shares no code and no bookkeeping with the stores: nothing is counted up as Moves arrive.
Counters, `active`, the status and what is due are worked out anew, from lists of what arrived,
each time somebody asks. That makes it slow and hard to get wrong in the same way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from wfcore.store.contract import (
    NO_CURSOR,
    Charge,
    Code,
    Due,
    Edge,
    EdgeKind,
    Event,
    ExecutionRecord,
    Fired,
    Halt,
    Lease,
    LeaseRef,
    Move,
    NewExecution,
    NodeRecord,
    NodeResult,
    Reply,
)
from wfcore.workflow.states import NodeState, Status

__all__ = ["Model"]

OPEN = {NodeState.READY, NodeState.RUNNING, NodeState.WAITING}
ENDED = {NodeState.COMPLETED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED}


@dataclass
class _Node:
    state: NodeState = NodeState.PENDING
    token: int = 0
    deadline: int | None = None
    leases: list[int] = field(default_factory=list)
    """When each attempt began."""
    charged: list[Charge] = field(default_factory=list)
    lease_tokens: list[int] = field(default_factory=list)
    arrived: list[EdgeKind] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    output: str | None = None
    error: str | None = None
    goes_on_at: int | None = None
    """The cursor of an unfinished fan-out."""
    chunks_done: set[int] = field(default_factory=set)
    fan_out_over: bool = True

    @property
    def open(self) -> bool:
        return self.state in OPEN or self.goes_on_at is not None

    def lease(self, execution: str, key: str, now: int) -> Lease:
        return Lease(
            execution,
            key,
            self.token,
            attempt=len(self.leases),
            failures=self.charged.count(Charge.FAILURE),
            lost=self.charged.count(Charge.LOST),
            ok=self.arrived.count(EdgeKind.OK),
            failed=self.arrived.count(EdgeKind.FAILED),
            skipped=self.arrived.count(EdgeKind.SKIPPED),
            age_ms=now - self.leases[0],
            number=0,
        )


@dataclass
class _Execution:
    new: NewExecution
    created: int
    nodes: dict[str, _Node] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    counted_failures: list[str] = field(default_factory=list)
    metered: list[Mapping[str, float]] = field(default_factory=list)
    halt: Halt = Halt.NONE
    sweep_at: int | None = None
    started: int | None = None
    ended: int | None = None

    @property
    def active(self) -> int:
        return sum(node.open for node in self.nodes.values())

    @property
    def status(self) -> Status:
        untouched = self.started is None and self.halt is Halt.NONE
        if untouched:
            return Status.PENDING
        if self.active:
            return Status.RUNNING
        if self.halt is Halt.CANCEL:
            return Status.CANCELLED
        failed = self.halt is Halt.TIMEOUT or len(self.counted_failures) > 0
        return Status.FAILED if failed else Status.COMPLETED

    @property
    def deadline(self) -> int | None:
        if self.status is not Status.RUNNING:
            return None
        if self.halt:
            return self.sweep_at
        if self.new.timeout_ms is None or self.started is None:
            return None
        return self.started + self.new.timeout_ms


class Model:
    """Every operation takes the time; answers are those of the contract."""

    def __init__(self) -> None:
        self.executions: dict[str, _Execution] = {}
        self.documents: dict[str, str] = {}

    def create(self, new: NewExecution, now: int) -> bool:
        if new.id in self.executions:
            return False
        self.executions[new.id] = _Execution(new, now)
        self.documents.setdefault(new.plan, new.document)
        return True

    def apply(self, move: Move, now: int) -> Reply:
        run = self.executions.get(move.execution)
        if run is None:
            return Reply(Code.GONE, Status.PENDING)
        node = run.nodes.get(move.key, _Node())
        if _was_applied(node, move, now):
            return self._answer_again(run, node, move, now)
        code = _objection(run, node, move, now)
        if code is not None:
            return Reply(code, run.status, run.new.plan)
        run.nodes[move.key] = node
        return self._accept(run, node, move, now)

    def halt(self, execution: str, halt: Halt, sweep_ms: int | None, now: int) -> Reply:
        run = self.executions.get(execution)
        if run is None:
            return Reply(Code.GONE, Status.PENDING)
        before = run.halt
        if not before and run.status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
            return Reply(Code.STALE, run.status, run.new.plan)
        run.halt = before or halt
        run.sweep_at = None if sweep_ms is None else now + sweep_ms
        if not before:
            _note_end(run, now)
            event = Event(0, now, "", None, None, 0, (), (), run.status, {"halt": halt.value})
            _log(run, event)
        return Reply(Code.AGAIN if before else Code.OK, run.status, run.new.plan)

    def renew(self, leases: list[LeaseRef], lease_ms: int, now: int) -> list[bool]:
        answers = []
        for lease in leases:
            run = self.executions.get(lease.execution)
            node = run.nodes.get(lease.key) if run else None
            held = bool(run and node and not run.halt and node.state is NodeState.RUNNING)
            if held and node and node.token == lease.token:
                node.deadline = now + lease_ms
                answers.append(True)
            else:
                answers.append(False)
        return answers

    def due(self, now: int) -> tuple[list[tuple[int, Due]], int | None]:
        """Every deadline that passed, with its time, and the ms until the next."""
        passed: list[tuple[int, Due]] = []
        ahead: list[int] = []
        for identifier, run in self.executions.items():
            entries = [(run.deadline, _execution_due(identifier, run))]
            entries += [
                (node.deadline, _node_due(identifier, key, run, node))
                for key, node in run.nodes.items()
                if node.open
            ]
            for deadline, due in entries:
                if deadline is not None and deadline <= now:
                    passed.append((deadline, due))
                elif deadline is not None:
                    ahead.append(deadline - now)
        return sorted(passed), min(ahead) if ahead else None

    def reopened(self, now: int) -> None:
        """The owner before is gone: what it held is due at once; what waits keeps its time."""
        for run in self.executions.values():
            for node in run.nodes.values():
                if node.open and node.state is not NodeState.WAITING:
                    node.deadline = now

    def active(self, execution: str) -> list[Due]:
        run = self.executions[execution]
        return [_node_due(execution, k, run, node) for k, node in run.nodes.items() if node.open]

    def results(self, execution: str) -> dict[str, NodeResult]:
        nodes = self.executions[execution].nodes
        return {k: NodeResult(node.state, node.output, node.error) for k, node in nodes.items()}

    def nodes(self, execution: str) -> list[NodeRecord]:
        return [
            NodeRecord(
                key,
                node.state,
                len(node.leases),
                node.charged.count(Charge.FAILURE),
                node.charged.count(Charge.LOST),
                node.leases[0] if node.leases else None,
                node.ends[0] if node.ends else None,
            )
            for key, node in sorted(self.executions[execution].nodes.items())
        ]

    def events(self, execution: str) -> list[Event]:
        return list(self.executions[execution].events)

    def read(self, execution: str) -> ExecutionRecord:
        run = self.executions[execution]
        return ExecutionRecord(
            id=execution,
            plan=run.new.plan,
            name=run.new.name,
            labels=dict(run.new.labels),
            status=run.status,
            halt=run.halt,
            active=run.active,
            failures=len(run.counted_failures),
            seq=len(run.events),
            notices=tuple(run.notices),
            input=run.new.input,
            created=run.created,
            started=run.started,
            ended=run.ended,
            meters={
                name: sum(each.get(name, 0) for each in run.metered)
                for name in {name for each in run.metered for name in each}
            },
        )

    def _accept(self, run: _Execution, node: _Node, move: Move, now: int) -> Reply:
        before = node.state
        node.state, node.token = move.to, move.new_token
        node.deadline = None if move.deadline_ms is None else now + move.deadline_ms
        if move.charge is Charge.ATTEMPT:
            node.leases.append(now)
            node.lease_tokens.append(move.new_token)
        node.charged.append(move.charge)
        if move.to in ENDED:
            node.ends.append(now)
        if move.output is not None or move.error is not None:
            node.output, node.error = move.output, move.error
        _go_on(run, node, move, now)
        fired: list[Fired] = []
        kept: list[Lease] = []
        for edge in () if run.halt else move.edges:
            self._arrive(run, edge, move, now, fired, kept)
        run.started = now if run.started is None else run.started
        if move.fails:
            run.counted_failures.append(move.key)
        if move.notice and move.notice not in run.notices and len(run.notices) < 5:
            run.notices.append(move.notice)
        if move.meters:
            run.metered.append(move.meters)
        _note_end(run, now)
        event = Event(
            seq=0,
            at=now,
            key=move.key,
            before=before,
            to=move.to,
            attempt=len(node.leases),
            fired=tuple(item.key for item in fired),
            kept=tuple(item.key for item in kept),
            status=run.status,
            detail=json.loads(move.detail) if move.detail else None,
        )
        _log(run, event)
        return Reply(Code.OK, run.status, run.new.plan, fired, kept, _own_lease(node, move, now))

    def _arrive(
        self,
        run: _Execution,
        edge: Edge,
        move: Move,
        now: int,
        fired: list[Fired],
        kept: list[Lease],
    ) -> None:
        target = run.nodes.setdefault(edge.key, _Node())
        target.arrived.append(edge.kind)
        decided = target.arrived.count(EdgeKind.OK) >= edge.need
        decided = decided or len(target.arrived) == edge.deps
        if target.state is not NodeState.PENDING or not decided:
            return
        if edge.keep and len(kept) < move.keep:
            target.state, target.token = NodeState.RUNNING, move.keep_token + len(kept)
            target.leases.append(now)
            target.lease_tokens.append(target.token)
            target.deadline = now + move.lease_ms
            kept.append(target.lease(move.execution, edge.key, now))
        else:
            target.state, target.deadline = NodeState.READY, now + move.ready_ms
            fired.append(Fired(edge.key, edge.queue, edge.handler))

    def _answer_again(self, run: _Execution, node: _Node, move: Move, now: int) -> Reply:
        fired: list[Fired] = []
        kept: list[Lease] = []
        for edge in move.edges:
            target = run.nodes.get(edge.key, _Node())
            mine = 0 <= target.token - move.keep_token < move.keep
            if target.state is NodeState.RUNNING and mine:
                kept.append(target.lease(move.execution, edge.key, now))
            if target.state is NodeState.READY:
                fired.append(Fired(edge.key, edge.queue, edge.handler))
        lease = _own_lease(node, move, now)
        return Reply(Code.AGAIN, run.status, run.new.plan, fired, kept, lease)


def _log(run: _Execution, event: Event) -> None:
    event.seq = len(run.events) + 1
    run.events.append(event)


def _was_applied(node: _Node, move: Move, now: int) -> bool:
    if (node.state, node.token) != (move.to, move.new_token):
        return False
    if move.if_due and node.deadline is not None and node.deadline <= now:
        return False
    if move.cursor == NO_CURSOR:
        return True
    return node.fan_out_over or move.cursor in node.chunks_done


def _objection(run: _Execution, node: _Node, move: Move, now: int) -> Code | None:
    cursor = NO_CURSOR if node.goes_on_at is None else node.goes_on_at
    fits = node.state in move.expect and cursor == move.cursor
    fits = fits and move.token in {0, node.token}
    if move.if_due:
        fits = fits and node.deadline is not None and node.deadline <= now
    if move.charge is Charge.ATTEMPT:
        fits = fits and node.lease_tokens[-1:] != [move.new_token]
    if not fits:
        return Code.STALE
    if run.halt and (move.to in OPEN or node.state is NodeState.PENDING):
        return Code.HALTED
    return Code.STALE if run.ended is not None else None


def _go_on(run: _Execution, node: _Node, move: Move, now: int) -> None:
    """Note how far the fan-out came, and whether it goes on."""
    node.chunks_done.add(move.cursor)
    node.goes_on_at = None
    if move.next_cursor != NO_CURSOR and not run.halt:
        node.goes_on_at = move.next_cursor
        node.deadline = now + move.ready_ms
    node.fan_out_over = node.goes_on_at is None


def _note_end(run: _Execution, now: int) -> None:
    if run.status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        run.ended = now


def _own_lease(node: _Node, move: Move, now: int) -> Lease | None:
    if node.state is not NodeState.RUNNING:
        return None
    return node.lease(move.execution, move.key, now)


def _node_due(execution: str, key: str, run: _Execution, node: _Node) -> Due:
    return Due(
        execution,
        key,
        node.state,
        node.token,
        len(node.leases),
        node.charged.count(Charge.FAILURE),
        node.charged.count(Charge.LOST),
        NO_CURSOR if node.goes_on_at is None else node.goes_on_at,
        run.halt,
        run.new.plan,
        number=0,
    )


def _execution_due(execution: str, run: _Execution) -> Due:
    return Due(execution, "", NodeState.PENDING, 0, 0, 0, 0, NO_CURSOR, run.halt, run.new.plan, 0)
