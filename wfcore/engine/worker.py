"""Running nodes: takes hints, leases nodes, runs their attempts, and goes on with what they free.

A strand is one task that holds a slot. It runs a node, applies the Move that follows, and goes on
with a successor that the same Move leased to it: no hint, no second round trip.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from wfcore.bus.contract import Task
from wfcore.engine.attempt import Attempt, Workshop
from wfcore.engine.decide import (
    Interrupted,
    Outcome,
    Release,
    Skipped,
    decide,
    halt_error,
    lease,
    next_chunk,
    refused,
)
from wfcore.engine.failed_nodes import tell_failed_node
from wfcore.engine.failure import storable_text
from wfcore.engine.held import HeldAttempts
from wfcore.engine.opened import OpenExecution
from wfcore.engine.plan import Plan
from wfcore.engine.runners import GRACE_SECONDS
from wfcore.engine.runtime import Runtime
from wfcore.engine.slots import Slots
from wfcore.engine.upkeep import tell_failure
from wfcore.errors import CommandRefused, DocumentRefused, ExecutionNotFound
from wfcore.store.contract import Code, Halt, Lease, Move, NodeResult, Reply
from wfcore.store.shared import Taken
from wfcore.workflow.states import NodeState

__all__ = ["Worker"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LEASES_AT_ONCE: Final = 256
_UNUSABLE_PLAN_MS: Final = 5_000
_LONGEST_REASON: Final = 500
_LAST_MOVES_SECONDS: Final = GRACE_SECONDS + 3.0
_GIVEN_BACK: Final = Release(reason="the worker is stopping")


class Worker:
    """Up to `concurrency` attempts at a time."""

    def __init__(
        self, runtime: Runtime, workshop: Workshop, concurrency: int, *, shares: bool = False
    ) -> None:
        self._runtime = runtime
        self._workshop = workshop
        self._slots = Slots(concurrency)
        self._shares = shares  # with other workers: successors beyond one go to the bus
        self.held = HeldAttempts()
        self._strands: set[asyncio.Task[None]] = set()
        self._leasing: set[asyncio.Task[Any]] = set()
        self._left_behind: set[asyncio.Task[Any]] = set()
        self._draining = self._stopping = False

    async def run(self) -> None:
        """Take hints and lease their nodes, until cancelled."""
        waiting: list[Task] = []
        slots = self._slots
        while True:
            await slots.some()
            if not waiting:
                hints = await self._runtime.bus.take(min(slots.free, _LEASES_AT_ONCE))
                waiting = await self._usable(hints)
            # While it waited for hints, continuations may have taken the slots.
            reserved = slots.reserve(len(waiting))
            batch, waiting = waiting[:reserved], waiting[reserved:]
            if batch:
                await self._owned(self._lease(batch))

    async def seek(self, take: Callable[[int], Awaitable[list[Taken]]], most: int) -> bool:
        """Fill free slots with what `take` leases; whether there may be more of it."""
        reserved = 0 if self._draining else self._slots.reserve(most)
        if not reserved:
            return False
        return await self._owned(self._seek(take, reserved))

    async def _seek(self, take: Callable[[int], Awaitable[list[Taken]]], reserved: int) -> bool:
        taken: list[Taken] = []
        try:
            taken = await take(reserved)
        finally:
            self._slots.give_back(reserved - len(taken))
        self._runtime.counters.sought += len(taken)
        for held, document, name, waited in taken:
            self._runtime.timings.waited(name, waited)
            self._runtime.watchers.notify(held.execution, ended=False)
            self.adopt([held], document)
        return len(taken) == reserved

    async def _usable(self, hints: list[Task]) -> list[Task]:
        """Drop hints for handlers that are not here: the store keeps their nodes."""
        handlers = self._workshop.registry.handlers
        others = [hint for hint in hints if hint.handler not in handlers]
        if others:
            self._runtime.tell_unknown({hint.handler for hint in others})
            await self._runtime.bus.claimed(others)
        return [hint for hint in hints if hint.handler in handlers]

    async def start(self, first: Move, opened: OpenExecution, patience: float) -> Reply:
        """Apply the Move that starts an execution, and run what it keeps.

        Further chunks follow in the background; should they not, the sweeper goes on with them.
        A caller that is cancelled meanwhile stops waiting; the start goes on without it.
        """
        return await self._owned(self._begin(first, opened, patience))

    async def _owned(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something whose leases have to be run, whatever becomes of whoever asked for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._leasing.add(task)
        task.add_done_callback(self._leasing.discard)
        return await asyncio.shield(task)

    async def _begin(self, first: Move, opened: OpenExecution, patience: float) -> Reply:
        reply, leases = await self._apply(first, own=False, patience=patience)
        # From here on it is known which execution has the id.
        first.number = reply.number
        if _is_applied(reply) and not reply.status.terminal:
            self._runtime.opened.keep(replace(opened, number=reply.number))
            second = next_chunk(opened.plan, first, self._runtime.terms)
            if second is not None:
                self._start(self._fan_out(second, opened.plan))
        self.adopt(leases, reply.plan)
        return reply

    def adopt(self, leases: Sequence[Lease], document: str) -> None:
        """Run leased nodes, each in a slot that is reserved already."""
        for held in leases:
            self._start(self._strand(self._attempt(held), document))

    def interrupt_execution(self, execution: str, number: int, halt: Halt) -> None:
        """End the attempts of a halted execution, and those whose leases are still on their way."""
        self._runtime.opened.halt(execution, number, halt)
        self.held.interrupt(execution, number, Interrupted(halt_error(halt)))

    async def close(self, grace: float) -> None:
        """Take nothing more; after `grace` seconds give back what still runs, not charged."""
        self._draining = True
        if self._strands and grace > 0:
            await asyncio.wait(self._strands, timeout=grace)
        self._stopping = True
        if self._leasing:
            await asyncio.wait(self._leasing, timeout=_LAST_MOVES_SECONDS)
        await self.held.interrupt_all(_GIVEN_BACK, _LAST_MOVES_SECONDS)
        for strand in [*self._strands, *self._left_behind]:
            strand.cancel()

    async def _fan_out(self, second: Move, plan: Plan) -> None:
        move: Move | None = second
        while move is not None:
            reply, leases = await self._apply(move, own=False)
            self.adopt(leases, reply.plan)
            move = next_chunk(plan, move, self._runtime.terms) if _is_applied(reply) else None

    async def _lease(self, tasks: list[Task]) -> None:
        """Lease nodes that hints told of; their slots are taken already."""
        runtime = self._runtime
        moves = [lease(task.execution, task.key, runtime.token(), runtime.terms) for task in tasks]
        runtime.opened.read_ahead(task.execution for task in tasks)
        try:
            replies = await runtime.apply(moves)
        except CommandRefused as error:
            # They are due again later, and others are taken meanwhile.
            _log.error("%d nodes could not be leased: %s", len(tasks), error)
            self._slots.give_back(len(tasks))
            return
        finally:
            await runtime.bus.claimed(tasks)
        for task, reply in zip(tasks, replies, strict=True):
            if reply.lease is None:
                runtime.counters.stale_hints += 1
                self._slots.give_back(1)
            else:
                runtime.counters.taken += 1
                runtime.watchers.notify(task.execution, ended=False)
                runtime.timings.waited(task.handler, reply.waited_ms)
                self.adopt([reply.lease], reply.plan)

    def _attempt(self, held: Lease) -> Attempt:
        """Register a lease: from here on it is renewed, and can be interrupted."""
        attempt = Attempt(held, self._workshop)
        self.held.add(attempt)
        halt = self._runtime.opened.halt_of(held.execution, held.number)
        if halt is not None:
            attempt.interrupt(Interrupted(halt_error(halt)))
        elif self._stopping:
            attempt.interrupt(_GIVEN_BACK)
        return attempt

    def _start(self, strand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(strand)
        self._strands.add(task)
        task.add_done_callback(self._strand_ended)

    def _strand_ended(self, task: asyncio.Task[None]) -> None:
        self._strands.discard(task)
        tell_failure(task)

    async def _strand(self, attempt: Attempt, document: str) -> None:
        try:
            while True:
                opened = self._runtime.opened.known(attempt.lease.execution, attempt.lease.number)
                if opened is None:
                    opened = await self._open(attempt, document)
                if opened is None:
                    break
                outcome = await attempt.outcome(opened, self._on_abandon)
                if attempt.abandoned:
                    break
                held = await self._conclude(attempt, opened, outcome)
                if held is None:
                    break
                attempt = self._attempt(held)
        finally:
            # Slot and lease of an abandoned one have gone to another task.
            if not attempt.abandoned:
                self.held.remove(attempt)
                self._slots.give_back(1)

    async def _open(self, attempt: Attempt, document: str) -> OpenExecution | None:
        execution, number = attempt.lease.execution, attempt.lease.number
        opened = self._runtime.opened
        try:
            return await self._runtime.insist(lambda: opened.get(execution, number, document))
        except ExecutionNotFound:
            # This process stood still for longer than the lease, and missed its end and deletion.
            _log.warning("node %s of execution %s: it was deleted", attempt.lease.key, execution)
            return None
        except DocumentRefused as refused:
            _log.error("execution %s cannot run here: %s", execution, refused)
            await self._put_off(attempt)
            return None

    def _on_abandon(self, attempt: Attempt) -> None:
        self._runtime.counters.abandoned += 1
        if attempt.task is not None:
            # Whoever closes the worker does not wait for it.
            self._strands.discard(attempt.task)
            self._left_behind.add(attempt.task)
            attempt.task.add_done_callback(self._left_behind.discard)
        _log.warning("node %s did not end when told to; its slot is replaced", attempt.lease.key)
        self._start(self._replace(attempt))

    async def _replace(self, attempt: Attempt) -> None:
        """Take over the slot of an attempt that does not end."""
        assert attempt.opened is not None
        assert attempt.interruption is not None
        ending = attempt.final(attempt.interruption)
        held = await self._conclude(attempt, attempt.opened, ending)
        if held is None:
            self._slots.give_back(1)
        else:
            await self._strand(self._attempt(held), attempt.opened.document)

    async def _conclude(
        self, attempt: Attempt, opened: OpenExecution, outcome: Outcome
    ) -> Lease | None:
        """Apply what follows from an outcome; return the lease to go on with in the same slot."""
        runtime, held = self._runtime, attempt.lease
        chance = runtime.dice.random()
        move = decide(opened.plan, held, outcome, runtime.terms, runtime.token(), chance)
        if not isinstance(outcome, Skipped):
            runtime.timings.ran(opened.plan.nodes[held.key].handler, attempt.took)
        reply, kept = await self._end(attempt, move, opened.plan)
        if reply.code is Code.HALTED:
            # Nothing of a halted execution waits or goes back: it ends.
            halt = runtime.opened.halt_of(held.execution, held.number) or Halt.CANCEL
            move = decide(
                opened.plan, held, Interrupted(halt_error(halt)), runtime.terms, held.token, 0.0
            )
            await self._end(attempt, move, opened.plan)
        self.held.remove(attempt)
        return kept

    async def _end(self, attempt: Attempt, move: Move, plan: Plan) -> tuple[Reply, Lease | None]:
        """Apply the Move that an attempt led to; fail its node where the store cannot take it."""
        move.meters = attempt.meters
        try:
            return await self._move(move, plan)
        except CommandRefused as error:
            held = attempt.lease
            _log.error("node %s of execution %s: %s", held.key, held.execution, error)
            reason = storable_text(str(error), _LONGEST_REASON)
            return await self._move(refused(plan, held, reason, self._runtime.terms), plan)

    async def _move(self, first: Move, plan: Plan) -> tuple[Reply, Lease | None]:
        """Apply a Move and the chunks after it, and adopt all that they kept but one."""
        answer, leases = await self._apply(first, own=True)
        self._count(first, answer)
        kept = leases.pop(0) if leases else None
        self.adopt(leases, answer.plan)
        move = next_chunk(plan, first, self._runtime.terms) if _is_applied(answer) else None
        while move is not None:
            reply, leases = await self._apply(move, own=kept is None)
            if kept is None and leases:
                kept = leases.pop(0)
            self.adopt(leases, reply.plan)
            move = next_chunk(plan, move, self._runtime.terms) if _is_applied(reply) else None
        return answer, kept

    async def _apply(
        self, move: Move, *, own: bool, patience: float | None = None
    ) -> tuple[Reply, list[Lease]]:
        """Apply a Move; what it keeps has slots: the caller's `own` one first, then free ones."""
        runtime = self._runtime
        spare = 0
        if move.edges and not (self._shares or self._draining):
            spare = self._slots.reserve()
        move.keep = 0 if self._draining else spare + own
        move.keep_token = runtime.token()
        try:
            [reply] = await runtime.insist(lambda: runtime.timed([move]), patience)
        except BaseException:
            self._slots.give_back(spare)
            raise
        leases = list(await runtime.settle(move.execution, reply))
        runtime.counters.kept += len(leases)
        self._slots.give_back(spare - max(0, len(leases) - own))
        return reply, leases

    def _count(self, move: Move, reply: Reply) -> None:
        counters = self._runtime.counters
        if not _is_applied(reply):
            counters.stale_results += reply.code is Code.STALE
            return
        counters.note(move.to, move.error)
        if move.to is NodeState.FAILED:
            tell_failed_node(move)
        elif move.to is NodeState.WAITING:
            self._runtime.due_sooner.set()
        if move.to.terminal:
            result = NodeResult(move.to, move.output, move.error)
            self._runtime.outcomes.remember(move.execution, reply.number, move.key, result)

    async def _put_off(self, attempt: Attempt) -> None:
        """Give a node back for a while: this process cannot run its workflow as it is now."""
        runtime, held = self._runtime, attempt.lease
        move = Move(
            held.execution,
            held.key,
            expect=(NodeState.RUNNING,),
            to=NodeState.WAITING,
            token=held.token,
            new_token=runtime.token(),
            deadline_ms=_UNUSABLE_PLAN_MS,
            number=held.number,
        )
        [reply] = await runtime.apply([move])
        self.held.remove(attempt)
        await runtime.settle(held.execution, reply)


def _is_applied(reply: Reply) -> bool:
    return reply.code is Code.OK or reply.code is Code.AGAIN
