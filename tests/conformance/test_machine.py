"""Random histories: each store against the reference model, everything visible after each step."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conformance.backends import BACKENDS
from tests.conformance.graphs import Graph, graphs
from tests.conformance.model import Model
from wfcore.store import sqlite_ledger
from wfcore.store.contract import (
    NO_CURSOR,
    START,
    Code,
    Due,
    EdgeKind,
    Halt,
    LeaseRef,
    Move,
    Reply,
    StateStore,
)
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.backend import Backend, Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.workflow.states import NodeState

EXECUTIONS = ("x1", "x2")
EXAMPLES = {"memory": 120, "redis-with-our-clock": 20, "redis-in-shards": 10, "redis-cluster": 10}
STEPS = 40
executions = st.sampled_from(EXECUTIONS)
keeps = st.integers(0, 2)
meters = st.sampled_from([None, {}, {"tokens": 3}, {"tokens": 2, "cost": 0.1}])


class StoreMachine(RuleBasedStateMachine):
    """What engines, lost replies, dead workers and impatient users do to a store."""

    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.model = Model()
        self.store: StateStore = self.backend.make(Place(Path(self.directory.name), self.clock))
        self.runner.run(self.store.open())
        self.graph = Graph(((),), (1,))
        self.sent: list[Move] = []
        self.held: list[LeaseRef] = []
        self.tokens = 1_000

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.directory.cleanup()

    @initialize(graph=graphs(), timeout=st.sampled_from([None, 60]))
    def begin(self, graph: Graph, timeout: int | None) -> None:
        self.graph = graph
        for execution in EXECUTIONS:
            self._create(execution, timeout)
        self.start(EXECUTIONS[0], 1, 1)

    @rule(execution=executions, timeout=st.sampled_from([None, 5]))
    def create_again(self, execution: str, timeout: int | None) -> None:
        self._create(execution, timeout)

    @rule(execution=executions, token=st.integers(1, 2), keep=keeps)
    def start(self, execution: str, token: int, keep: int) -> None:
        self.send(self.graph.start(execution, token, keep, self._tokens(keep)))

    @rule(data=st.data(), steps=st.integers(1, 5))
    def work(self, data: st.DataObject, steps: int) -> None:
        for _ in range(steps):
            due = self._open_node(data, *moves.RUNNING_OR_LATE)
            if due is not None and due.state is NodeState.READY:
                self.send(moves.lease(due.execution, due.key, self._tokens(1), lease_ms=30))
            elif due is not None:
                self._end_a_node(data, LeaseRef(due.execution, due.key, due.token))

    @rule(data=st.data())
    def bring_a_result(self, data: st.DataObject) -> None:
        """Of any lease that was ever given, most often of one that holds."""
        self._end_a_node(data, self._lease(data))

    def _end_a_node(self, data: st.DataObject, held: LeaseRef | None) -> None:
        if held is None:
            return
        keep, can_run = data.draw(keeps), data.draw(st.booleans())
        move, kind = data.draw(st.sampled_from(_ends(held)))
        move.keep, move.keep_token = keep, self._tokens(keep)
        move.notice = data.draw(st.sampled_from([None, "[echo]", f"by {held.key}"]))
        move.meters = data.draw(meters)
        self.send(self.graph.ended(move, kind, can_run=can_run))

    @precondition(lambda self: any(due.cursor != NO_CURSOR for due in self._open_nodes()))
    @rule(data=st.data(), if_due=st.booleans())
    def go_on_with_a_fan_out(self, data: st.DataObject, if_due: bool) -> None:
        fan_outs = [due for due in self._open_nodes() if due.cursor != NO_CURSOR]
        due = data.draw(st.sampled_from(fan_outs))
        # Sometimes a chunk whose turn has not come.
        cursor = due.cursor + data.draw(st.sampled_from([0, 0, 2]))
        move = self.graph.chunk(due.execution, due.key, due.state, due.token, cursor)
        move.if_due = if_due
        move.keep, move.keep_token = 1, self._tokens(1)
        self.send(move)

    @rule(data=st.data(), wait_ms=st.sampled_from([0, 20]))
    def fail_for_now(self, data: st.DataObject, wait_ms: int) -> None:
        held = self._lease(data)
        if held is not None:
            fresh = self._tokens(1)
            move = moves.retry(held.execution, held.key, held.token, fresh, wait_ms=wait_ms)
            move.meters = data.draw(meters)
            self.send(move)

    @rule(data=st.data(), wait_ms=st.sampled_from([0, 60]), stale=st.booleans())
    def wake_expire_or_dispatch_again(self, data: st.DataObject, wait_ms: int, stale: bool) -> None:
        self.clock.advance(wait_ms)
        due = self._open_node(data, *moves.RUNNING_OR_LATE, NodeState.WAITING)
        if due is None:
            return
        again = {
            NodeState.WAITING: moves.wake,
            NodeState.RUNNING: moves.expire,
            NodeState.READY: moves.dispatch_again,
        }[due.state]
        self.send(again(due.execution, due.key, due.token + stale, ready_ms=50))

    @rule(data=st.data())
    def cancel_a_node(self, data: st.DataObject) -> None:
        due = self._open_node(data, *moves.RUNNING_OR_LATE, NodeState.WAITING)
        if due is not None:
            token = self._tokens(1)
            self.send(moves.cancel(due.execution, due.key, due.state, due.token, token))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), count=st.integers(1, 4))
    def repeat_earlier_commands(self, data: st.DataObject, count: int) -> None:
        self.send(*[data.draw(st.sampled_from(self.sent)) for _ in range(count)])

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def change_an_earlier_command(self, data: st.DataObject) -> None:
        move = data.draw(st.sampled_from(self.sent))
        field = data.draw(st.sampled_from(["token", "new_token", "execution", "if_due"]))
        value: Any = {
            "token": move.token + 1,
            "new_token": self._tokens(1),
            "execution": "nowhere",
            "if_due": True,
        }[field]
        self.send(replace(move, **{field: value}))

    @rule(data=st.data(), lease_ms=st.sampled_from([0, 30]))
    def renew(self, data: st.DataObject, lease_ms: int) -> None:
        held = self._lease(data)
        if held is None:
            return
        refs = [held, held._replace(token=held.token + 1), LeaseRef("nowhere", "n0", 1)]
        expected = self.model.renew(refs, lease_ms, self.clock())
        assert self.store.renew(refs, lease_ms) == expected

    @rule(execution=executions, halt=st.sampled_from([Halt.CANCEL, Halt.TIMEOUT]), data=st.data())
    def halt(self, execution: str, halt: Halt, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 2)):
            return  # most histories should go on for a while
        sweep_ms = data.draw(st.sampled_from([None, 0, 25]))
        expected = self.model.halt(execution, halt, sweep_ms, self.clock())
        assert self.runner.run(self.store.halt(execution, halt, sweep_ms)) == expected

    @rule(ms=st.sampled_from([1, 10, 30, 60]))
    def let_time_pass(self, ms: int) -> None:
        self.clock.advance(ms)

    @precondition(lambda self: self.backend.restarts)
    @rule()
    def restart(self) -> None:
        self.runner.run(self.store.close())
        self.store = self.backend.make(Place(Path(self.directory.name), self.clock))
        self.runner.run(self.store.open())
        if self.backend.releases_leases:
            self.model.reopened(self.clock())

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        self.runner.run(self._compare())

    def send(self, *batch: Move) -> None:
        now = self.clock()
        expected = [self.model.apply(move, now) for move in batch]
        replies = self.runner.run(self.store.apply(batch))
        assert [_plain(reply) for reply in replies] == [_plain(reply) for reply in expected]
        for move, reply in zip(batch, replies, strict=True):
            self.held += [LeaseRef(k.execution, k.key, k.token) for k in reply.kept]
            if reply.lease is not None:
                self.held.append(LeaseRef(move.execution, move.key, reply.lease.token))
            if move not in self.sent:
                self.sent.append(move)

    async def _compare(self) -> None:
        now = self.clock()
        for execution in self.model.executions:
            assert await self.store.read(execution) == self.model.read(execution)
            nodes = await self.store.nodes(execution, "", 100)
            assert nodes == self.model.nodes(execution)
            keys = [START, *(f"n{number}" for number in range(len(self.graph.needs)))]
            results = await self.store.results(execution, keys)
            assert results.nodes == self.model.results(execution)
            assert await self.store.events(execution, 0, 1_000) == self.model.events(execution)
            listed = await self.store.active(execution, 100)
            assert _anonymous(listed) == sorted(self.model.active(execution))
        found, upcoming = await self.store.due(100)
        expected, until = self.model.due(now)
        assert _anonymous(found) == sorted(due for _, due in expected)
        assert upcoming == until
        times = {due: at for at, due in expected}
        assert [times[due._replace(number=0)] for due in found] == [at for at, _ in expected]

    def _create(self, execution: str, timeout: int | None) -> None:
        new = moves.new(execution, timeout_ms=timeout)
        expected = self.model.create(new, self.clock())
        assert bool(self.runner.run(self.store.create(new))) is expected

    def _tokens(self, count: int) -> int:
        """Mint so many tokens and return the first."""
        self.tokens += 10 + count
        return self.tokens

    def _open_nodes(self) -> list[Due]:
        return [due for execution in EXECUTIONS for due in self.model.active(execution)]

    def _open_node(self, data: st.DataObject, *states: NodeState) -> Due | None:
        found = [due for due in self._open_nodes() if due.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    def _lease(self, data: st.DataObject) -> LeaseRef | None:
        """Choose a lease that was given at some time: most often one that still holds."""
        running = [
            LeaseRef(due.execution, due.key, due.token)
            for due in self._open_nodes()
            if due.state is NodeState.RUNNING
        ]
        any_ever = data.draw(st.integers(0, 3)) == 0
        some = self.held if any_ever or not running else running
        return data.draw(st.sampled_from(some)) if some else None


def _ends(held: LeaseRef) -> list[tuple[Move, EdgeKind]]:
    """The ways in which a leased node can end, and how its successors count it."""
    return [
        (moves.complete(*held), EdgeKind.OK),
        (moves.complete(*held), EdgeKind.OK),
        (moves.fail(*held), EdgeKind.FAILED),
        (moves.fail(*held, fails=False), EdgeKind.OK),
        (moves.skip(*held), EdgeKind.SKIPPED),
    ]


def _plain(reply: Reply) -> tuple[Code, Any, str, list[Any], list[Any], Any]:
    return (
        reply.code,
        reply.status,
        reply.plan,
        list(reply.fired),
        [lease._replace(number=0) for lease in reply.kept],
        reply.lease and reply.lease._replace(number=0),
    )


def _anonymous(found: Sequence[Due]) -> list[Due]:
    """Sort what is due, without the numbers that a store gave."""
    return sorted(due._replace(number=0) for due in found)


@pytest.mark.parametrize(
    "backend",
    [backend for backend in BACKENDS if backend.moves_clock],
    ids=lambda backend: backend.name,
)
def test_a_store_behaves_as_the_reference(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few that executions are let go of and read back from the file all the time.
    monkeypatch.setattr(sqlite_ledger, "_IDLE_ENTRIES", 1)
    machine = type("Machine", (StoreMachine,), {"backend": backend})
    examples = EXAMPLES.get(backend.name, 25)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=STEPS)
    )
