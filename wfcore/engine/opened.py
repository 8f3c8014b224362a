"""What all nodes of one execution share while it runs: its plan with overrides, and its input."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Self
from weakref import WeakValueDictionary

from wfcore.engine.outcomes import NodeOutcome, Outcomes
from wfcore.engine.plan import Plan
from wfcore.engine.plans import Plans
from wfcore.engine.reuse import Reuse, reuse_of
from wfcore.errors import StoreError
from wfcore.store.contract import START, Halt

__all__ = ["OpenExecution", "OpenExecutions", "Trigger"]

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Trigger:
    """What started an execution: its input, and the config keys that were replaced.

    Of a retry also `source`, the execution that it takes up again, the nodes that the retry itself
    `changed`, and the `notices` that stood on the other's result.
    """

    input: Any
    overrides: Mapping[str, Mapping[str, Any]]
    source: str | None = None
    changed: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored as the output of the start node."""
        stored: dict[str, Any] = {"input": self.input, "overrides": self.overrides}
        if self.source is not None:
            stored["retry"] = {
                "of": self.source,
                "changed": list(self.changed),
                "notices": list(self.notices),
            }
        return stored

    @classmethod
    def stored(cls, output: Mapping[str, Any]) -> Self:
        """Read back what `as_dict` gave; `{}` stands for an execution that never started."""
        retry = output.get("retry", {})
        return cls(
            output.get("input", {}),
            output.get("overrides", {}),
            retry.get("of"),
            tuple(retry.get("changed", ())),
            tuple(retry.get("notices", ())),
        )


@dataclass(frozen=True, slots=True)
class OpenExecution:
    """One execution as its nodes see it."""

    execution: str
    document: str
    """The hash of its document; its plan's differs where the trigger replaced config keys."""
    plan: Plan
    input: Any
    reuse: Reuse | None = None
    """Of a retry: what it takes over."""
    number: int = 0
    """As in its record: tells it from a later one with its id. 0 until it is stored."""

    def view(self) -> dict[str, Any]:
        """Return what templates see as `execution`. Shared: never to be changed."""
        return {
            "id": self.execution,
            "name": self.plan.name,
            "input": self.input,
            "labels": self.plan.labels,
        }


class OpenExecutions:
    """Opens executions, and keeps open those that run here."""

    def __init__(self, plans: Plans, outcomes: Outcomes) -> None:
        self._plans = plans
        self._outcomes = outcomes
        self._open: OrderedDict[str, OpenExecution] = OrderedDict()
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ahead: dict[str, asyncio.Future[tuple[int, Trigger]]] = {}
        self.halted: OrderedDict[str, tuple[int, Halt]] = OrderedDict()
        """Those that may still be on their way to their end, with their numbers."""

    def known(self, execution: str, number: int = 0) -> OpenExecution | None:
        """Return an execution that is open here, or None; without a number, the last of its id."""
        opened = self._open.get(execution)
        return opened if opened is None or number in (0, opened.number) else None

    def read_ahead(self, executions: Iterable[str]) -> None:
        """Begin to read what executions were started with: they are about to be opened."""
        for execution in executions:
            if not (execution in self._open or execution in self._ahead):
                reading = asyncio.ensure_future(self._read_ahead(execution))
                self._ahead[execution] = reading
                reading.add_done_callback(partial(self._is_read, execution))

    async def _read_ahead(self, execution: str) -> tuple[int, Trigger]:
        number, outcome = await self._outcomes.read_one(execution, START, patience=0.0)
        # What has not started yet when it is read is read again when it is leased.
        return number if outcome.result.state.terminal else 0, _trigger_in(outcome)

    def _is_read(self, execution: str, reading: "asyncio.Future[tuple[int, Trigger]]") -> None:
        del self._ahead[execution]
        if not reading.cancelled():
            # Whoever needs it, and found nothing here, reads it again, and hears what is wrong.
            reading.exception()

    async def get(self, execution: str, number: int, plan_hash: str) -> OpenExecution:
        """Return a started execution; of many nodes that ask at a time, the first opens it.

        Raises `ExecutionNotFound` where it was deleted, and `DocumentRefused`.
        """
        async with self._opening.setdefault(execution, asyncio.Lock()):
            opened = self.known(execution, number)
            if opened is None:
                opened = await self.peek(execution, number, plan_hash)
                self.keep(opened)
            return opened

    async def peek(self, execution: str, number: int, plan_hash: str) -> OpenExecution:
        """Open an execution to look at it; it is not kept."""
        plan = await self._plans.get(plan_hash)
        trigger = await self.trigger(execution, number)
        return replace(await self.open(execution, plan, trigger, stored=True), number=number)

    async def trigger(self, execution: str, number: int) -> Trigger:
        """Read what an execution was started with; raises `ExecutionNotFound`."""
        ahead = self._ahead.get(execution)
        if ahead is not None:
            with suppress(StoreError):
                whose, trigger = await asyncio.shield(ahead)
                if whose == number:
                    return trigger
        return _trigger_in((await self._outcomes.read(execution, number, [START]))[START])

    async def open(
        self, execution: str, plan: Plan, trigger: Trigger, *, stored: bool = False
    ) -> OpenExecution:
        """Put an execution's trigger over its plan; raises `DocumentRefused` for bad overrides.

        Not kept yet: of two triggers at the same time, the store takes one.
        """
        document = plan.hash
        if trigger.overrides:
            plan = await self._plans.override(plan, trigger.overrides, stored=stored)
        reuse = None
        if trigger.source is not None:
            reuse = reuse_of(trigger.source, trigger.changed, trigger.notices, plan)
        return OpenExecution(execution, document, plan, trigger.input, reuse)

    def keep(self, opened: OpenExecution) -> None:
        """Keep an execution that was started."""
        self._open[opened.execution] = opened
        if len(self._open) > _KEPT:
            self._open.popitem(last=False)

    def halt(self, execution: str, number: int, halt: Halt) -> None:
        """Take note that no attempt of an execution may start here any more."""
        self.halted[execution] = number, halt
        if len(self.halted) > _KEPT:
            self.halted.popitem(last=False)

    def halt_of(self, execution: str, number: int) -> Halt | None:
        """Return why no attempt of an execution may start here, or None."""
        whose, halt = self.halted.get(execution, (number, None))
        return halt if whose == number else None

    def close(self, execution: str, number: int = 0) -> None:
        """Forget an execution that ended; without a number, whichever has the id."""
        if self.known(execution, number) is not None:
            del self._open[execution]
        if number == 0 or self.halt_of(execution, number) is not None:
            self.halted.pop(execution, None)


def _trigger_in(start: NodeOutcome) -> Trigger:
    return Trigger.stored(json.loads(start.result.output or "{}"))
