"""What comes in from outside: documents, inputs and triggers, checked before anything is stored."""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn

from wfcore.engine.decide import start
from wfcore.engine.opened import OpenExecution, Trigger
from wfcore.engine.patience import PATIENCE
from wfcore.engine.plan import Plan
from wfcore.engine.plans import Document, json_text
from wfcore.engine.runtime import Runtime
from wfcore.engine.threads import Threads
from wfcore.engine.worker import Worker
from wfcore.errors import Conflict, DocumentRefused, ExecutionNotFound
from wfcore.outbound.http import UNSET
from wfcore.problems import Problem, pointer
from wfcore.store.contract import Code, ExecutionRecord, NewExecution, Reply
from wfcore.store.shared import is_shared
from wfcore.workflow.input import InputValidator
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import copy_value
from wfcore.workflow.states import Status
from wfcore.workflow.weight import is_light

__all__ = ["Submission", "as_overrides", "new_execution"]

_EXECUTION: Final = "execution"
_EXECUTION_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_ID_TAKEN: Final = Problem(
    "submit.conflict", "", "the execution id belongs to another workflow, or another input"
)


class Submission:
    """Stores new executions and starts them."""

    def __init__(self, runtime: Runtime, worker: Worker, limits: Limits, threads: Threads) -> None:
        self._runtime = runtime
        self._worker = worker
        self._limits = limits
        self._threads = threads

    async def check(self, document: Document, given: Any) -> None:
        """Check a document and its input, and store nothing."""
        plan, _ = await self._runtime.plans.prove(document)
        if given is not UNSET:
            await self._checked_input(plan, given, "/input")

    async def submit(self, document: Document, given: Any, execution_id: str | None) -> str:
        """Check and store an execution; PENDING until it is triggered."""
        new_id = self._new_id() if execution_id is None else _as_id(execution_id)
        plan, text = await self._runtime.plans.prove(document)
        stored: str | None = None
        if given is not UNSET:
            stored = json_text(await self._checked_input(plan, given, "/input"))
        await self.create(new_execution(new_id, plan, text, stored))
        return new_id

    async def start(
        self, document: Document, given: Any, execution_id: str | None = None
    ) -> tuple[str, Status]:
        """Check, store and start an execution; return its id and its status."""
        new_id = self._new_id() if execution_id is None else _as_id(execution_id)
        plan, text = await self._runtime.plans.prove(document)
        checked = await self._checked_input(plan, {} if given is UNSET else given, "/input")
        stored = None if given is UNSET else json_text(checked)
        new = new_execution(new_id, plan, text, stored)
        trigger = Trigger(checked, {})
        opened = await self._runtime.opened.open(new_id, plan, trigger)
        if execution_id is None:
            return new_id, await self._create_and_begin(new, opened, trigger)
        opened = replace(opened, number=await self.create(new))
        return new_id, await self.begin(opened, trigger, {})

    async def _create_and_begin(
        self, new: NewExecution, opened: OpenExecution, trigger: Trigger
    ) -> Status:
        """Store and start an execution whose id nobody else has: both commands go together.

        A store takes them in this order. Where the first has to be repeated, so has the second.
        """
        created, begun = await asyncio.gather(
            self.create(new), self.begin(opened, trigger, {}), return_exceptions=True
        )
        if isinstance(created, BaseException):
            raise created
        if isinstance(begun, ExecutionNotFound):
            return await self.begin(opened, trigger, {})
        if isinstance(begun, BaseException):
            raise begun
        return begun

    async def trigger(self, execution_id: str, body: Mapping[str, Any] | None) -> Status:
        """Start an execution; the same body again changes nothing, another one is a conflict."""
        given = as_overrides(body)
        runtime = self._runtime
        record = await runtime.insist(lambda: runtime.store.read(execution_id), PATIENCE)
        if record is None:
            raise ExecutionNotFound(execution_id)
        plan = await runtime.plans.get(record.plan)
        if plan.missing and not is_shared(runtime.store):
            # In a cluster another process may have them; here nobody would run it.
            runtime.plans.check_handlers(plan)
        checked = await self._threads.run_unless(
            is_light(given), lambda: as_overrides(copy_value(given, self._limits))
        )
        trigger = await self._read_trigger(record, plan, checked)
        opened = await runtime.opened.open(execution_id, plan, trigger)
        return await self.begin(replace(opened, number=record.number), trigger, checked)

    async def create(self, new: NewExecution) -> int:
        """Store an execution, or find it stored; return its number.

        Raises `Conflict` where its id stands for another one.
        """
        store = self._runtime.store
        while True:
            number = await self._runtime.insist(lambda: store.create(new), PATIENCE)
            if number:
                self._runtime.forget(new.id)
                return number
            record = await self._runtime.insist(lambda: store.read(new.id), PATIENCE)
            if record is None:
                # Deleted in between.
                continue
            if (record.plan, record.input) != (new.plan, new.input):
                raise Conflict(_ID_TAKEN)
            return record.number

    async def begin(
        self, opened: OpenExecution, trigger: Trigger, body: Mapping[str, Any]
    ) -> Status:
        """Start a stored execution; `body` is what makes a second trigger the same or another."""
        runtime, plan = self._runtime, opened.plan
        stored = json_text(trigger.as_dict())
        move = start(plan, opened.execution, stored, _token(body), runtime.terms)
        move.number = opened.number
        reply = await self._worker.start(move, opened, PATIENCE)
        if reply.code is Code.GONE:
            raise ExecutionNotFound(opened.execution)
        if reply.code not in (Code.OK, Code.AGAIN):
            raise Conflict(_conflict(reply))
        if plan.timeout is not None:
            runtime.due_sooner.set()
        return reply.status

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._runtime.dice.getrandbits(128), version=4))

    async def _read_trigger(
        self, record: ExecutionRecord, plan: Plan, body: dict[str, Any]
    ) -> Trigger:
        overrides = {key: value for key, value in body.items() if key != _EXECUTION}
        given = self._given_input(body)
        if given is UNSET:
            stored = json.loads(record.input) if record.input is not None else {}
            if record.input is None:
                await self._checked_input(plan, stored, "/execution/input")
            return Trigger(stored, overrides)
        return Trigger(await self._checked_input(plan, given, "/execution/input"), overrides)

    def _given_input(self, body: dict[str, Any]) -> Any:
        if _EXECUTION not in body:
            return UNSET
        carried = body[_EXECUTION]
        at = pointer(_EXECUTION)
        if not isinstance(carried, dict):
            _refuse("trigger.execution", at, 'should be an object such as {"input": ...}')
        for name in carried:
            if name != "input":
                _refuse("trigger.unknown_field", at + pointer(name), "only input can be given here")
        return carried.get("input", UNSET)

    async def _checked_input(self, plan: Plan, given: Any, at: str) -> Any:
        return await self._threads.run_unless(
            is_light(given), lambda: self._check_input(plan, given, at)
        )

    def _check_input(self, plan: Plan, given: Any, at: str) -> Any:
        value = copy_value(given, self._limits, at)
        if plan.input_schema is not None:
            problems = InputValidator(plan.input_schema, self._limits).problems(value, at)
            if problems:
                raise DocumentRefused(problems)
        return value


def new_execution(
    execution_id: str, plan: Plan, document: str, given: str | None, retry_of: str | None = None
) -> NewExecution:
    """Return what is stored of a new execution; `given` is the JSON text of its input."""
    return NewExecution(
        id=execution_id,
        plan=plan.hash,
        document=document,
        name=plan.name,
        labels=plan.labels,
        input=given,
        timeout_ms=round(plan.timeout * 1000) if plan.timeout is not None else None,
        retry_of=retry_of,
    )


def as_overrides(value: Any) -> dict[str, Any]:
    """Return a trigger's body as an object; raises `DocumentRefused` where it is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = "the body should be an object of config keys by node id"
        hint = 'such as {"get_posts": {"url": "https://api.example.com/posts"}}'
        _refuse("trigger.type", "", message, hint)
    return dict(value)


def _as_id(value: object) -> str:
    if not isinstance(value, str) or not _EXECUTION_ID.fullmatch(value):
        message = "an execution id has 1 to 128 of the characters A-Z a-z 0-9 _ . -"
        _refuse("execution_id.invalid", "", message)
    return value


def _refuse(code: str, at: str, message: str, hint: str | None = None) -> NoReturn:
    raise DocumentRefused([Problem(code, at, message, hint)])


def _token(body: Mapping[str, Any]) -> int:
    """Stand for a trigger's body: 52 bits of its hash, never 0."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 12 | 1


def _conflict(reply: Reply) -> Problem:
    if reply.code is Code.HALTED:
        return Problem(
            "trigger.halted", "", f"the execution is {reply.status} and cannot be started"
        )
    return Problem(
        "trigger.conflict",
        "",
        "the execution was triggered before, with another body",
        "submit the workflow again to run it with this body",
    )
