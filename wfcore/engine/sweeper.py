"""Taking up again whatever has a passed deadline: timers, lost leases, lost hints, halted work.

Liveness is here and nowhere else: every open node has a deadline in the store, and some sweeper
looks at the due ones at least once a second.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from wfcore.bus.contract import Task
from wfcore.engine.decide import close, next_chunk, on_due
from wfcore.engine.failed_nodes import tell_failed_node
from wfcore.engine.plan import Plan
from wfcore.engine.runtime import Runtime
from wfcore.engine.worker import Worker
from wfcore.errors import DocumentRefused, StoreError
from wfcore.store.contract import NO_CURSOR, Code, Due, Halt, LeaseRef, Move, Reply
from wfcore.workflow.states import NodeState

__all__ = ["Sweeper"]

_log = logging.getLogger(__name__)
_LIMIT: Final = 200


class Sweeper:
    """Looks for due nodes and executions, and applies what follows."""

    def __init__(self, runtime: Runtime, worker: Worker, idle_seconds: float) -> None:
        self._runtime = runtime
        self._worker = worker
        self._idle_seconds = idle_seconds
        self._refused: set[str] = set()
        self._passed_over = 0

    async def run(self) -> None:
        """Sweep until cancelled."""
        sooner = self._runtime.due_sooner
        while True:
            seconds = self._idle_seconds
            sooner.clear()
            try:
                seconds = await self._sweep()
            except StoreError as error:
                self._runtime.counters.store_errors += 1
                _log.warning("the store could not be swept: %s", error)
            # Not wait_for: on Python 3.11 it loses a cancellation that meets the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await sooner.wait()

    async def close_execution(self, execution: str, number: int, halt: Halt) -> None:
        """Move the open nodes of a halted execution to CANCELLED, and interrupt what runs here."""
        runtime = self._runtime
        self._worker.interrupt_execution(execution, number, halt)
        while True:
            listed = await runtime.store.active(execution, _LIMIT)
            closable = [due for due in listed if due.number == number and _can_close(due)]
            if not closable:
                break
            await self._act(closable)
        # What still runs elsewhere hears of it with its next heartbeat, or its lease runs out.
        reply = await runtime.store.halt(execution, halt, None, number)
        await runtime.settle(execution, reply)

    async def _sweep(self) -> float:
        """Act on what is due; return the seconds until it is worth looking again."""
        limit = _LIMIT + self._passed_over
        found, upcoming_ms = await self._runtime.store.due(limit)
        listed = [due for due in found if not self._is_refused(due)]
        # What nobody here can run stays due, and must not hide what comes after it.
        self._passed_over = len(found) - len(listed)
        nodes = [due for due in listed if due.key]
        held = [due for due in nodes if self._is_held(due)]
        if held:
            await self._renew(held)
        await self._act([due for due in nodes if due not in held])
        for due in listed:
            if not due.key:
                await self._close_due(due)
        if len(found) == limit:
            return 0.0
        if upcoming_ms is None:
            return self._idle_seconds
        return min(self._idle_seconds, max(upcoming_ms, 1) / 1000)

    def _is_refused(self, due: Due) -> bool:
        return due.plan in self._refused and not due.halt and bool(due.key)

    def _is_held(self, due: Due) -> bool:
        return (
            due.state is NodeState.RUNNING
            and not due.halt
            and self._worker.held.has(due.execution, due.key, due.token)
        )

    async def _renew(self, held: Sequence[Due]) -> None:
        """Renew leases of our own that ran out while the whole process was frozen."""
        refs = [LeaseRef(due.execution, due.key, due.token) for due in held]
        store, lease_ms = self._runtime.store, self._runtime.terms.lease_ms
        await asyncio.to_thread(store.renew, refs, lease_ms)

    async def _close_due(self, due: Due) -> None:
        halt = due.halt or Halt.TIMEOUT
        reply = await self._runtime.store.halt(due.execution, halt, number=due.number)
        await self._runtime.settle(due.execution, reply)
        await self.close_execution(due.execution, due.number, halt)

    async def _act(self, listed: Sequence[Due]) -> None:
        runtime = self._runtime
        acts: list[tuple[Due, Move, Plan | None]] = []
        for due in listed:
            if due.halt:
                acts.append((due, close(due, runtime.token()), None))
            elif plan := await self._plan(due):
                acts.append((due, on_due(due, plan, runtime.terms), plan))
        replies = await runtime.apply([move for _, move, _ in acts]) if acts else []
        for (due, move, going_on), reply in zip(acts, replies, strict=True):
            if reply.code not in (Code.OK, Code.AGAIN):
                continue
            await self._settle(due, move, reply)
            if going_on is not None:
                await self._go_on(going_on, move)

    async def _plan(self, due: Due) -> Plan | None:
        if due.plan in self._refused:
            return None
        try:
            return await self._runtime.plans.get(due.plan)
        except DocumentRefused as refused:
            # Told once: it stays due until a process that can run it comes.
            self._refused.add(due.plan)
            _log.error("execution %s cannot run here: %s", due.execution, refused)
            return None

    async def _settle(self, due: Due, move: Move, reply: Reply) -> None:
        self._count(due)
        await self._runtime.settle(due.execution, reply)
        if move.to is NodeState.FAILED and due.state is NodeState.RUNNING:
            tell_failed_node(move)
        if move.to is NodeState.READY:
            task = Task(due.execution, due.key, move.queue, move.handler)
            await self._runtime.bus.publish([task])

    async def _go_on(self, plan: Plan, moved: Move) -> None:
        """Finish a fan-out that was taken up again."""
        move = next_chunk(plan, moved, self._runtime.terms)
        while move is not None:
            [reply] = await self._runtime.apply([move])
            await self._runtime.settle(move.execution, reply)
            move = next_chunk(plan, move, self._runtime.terms)

    def _count(self, due: Due) -> None:
        counters = self._runtime.counters
        if due.halt:
            return
        if due.cursor != NO_CURSOR:
            counters.resumed += 1
        elif due.state is NodeState.RUNNING:
            counters.expired += 1
        elif due.state is NodeState.READY:
            counters.redispatched += 1
        else:
            counters.woken += 1


def _can_close(due: Due) -> bool:
    if not due.halt:
        return False
    return due.state is not NodeState.RUNNING or due.cursor != NO_CURSOR
