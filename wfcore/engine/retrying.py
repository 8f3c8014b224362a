"""Taking up an execution again: a new one, linked to it, that reuses what had succeeded.

Nothing terminal is reopened. The new execution's start says which one it takes up; each of its
nodes looks there first, when it is leased and its join is decided.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wfcore.engine.opened import Trigger
from wfcore.engine.patience import PATIENCE
from wfcore.engine.runtime import Runtime
from wfcore.engine.submission import Submission, as_overrides, new_execution
from wfcore.errors import Conflict, DocumentRefused, ExecutionNotFound
from wfcore.problems import Problem
from wfcore.store.contract import ExecutionRecord
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import copy_value
from wfcore.workflow.states import Status

__all__ = ["Retrying"]

_OPEN = Problem(
    "retry.open", "", "the execution has not ended yet", "wait for its end, or cancel it first"
)
_NOTHING = Problem(
    "retry.nothing",
    "",
    "the execution is COMPLETED: there is nothing to take up again",
    "name config keys to replace, to run their nodes and all after them anew",
)
_INPUT = Problem(
    "retry.input",
    "/execution",
    "a retry goes on with the input of the execution that it takes up",
    "submit the workflow again to run it with another input",
)


class Retrying:
    """Starts retries."""

    def __init__(self, runtime: Runtime, submission: Submission, limits: Limits) -> None:
        self._runtime = runtime
        self._submission = submission
        self._limits = limits

    async def retry(self, execution_id: str, body: Mapping[str, Any] | None) -> tuple[str, Status]:
        """Start a retry with these config keys replaced; return its id and its status."""
        overrides = as_overrides(copy_value(body, self._limits))
        old = await self._read(execution_id)
        _refuse_unfit(old, overrides)
        number = 1
        while True:
            new_id = _retry_id(old, overrides, number)
            earlier = await self._find(new_id)
            if earlier is None or earlier.status is Status.PENDING:
                return new_id, await self._start(old, new_id, overrides)
            if earlier.status in (Status.RUNNING, Status.COMPLETED):
                return new_id, earlier.status
            number += 1

    async def _start(self, old: ExecutionRecord, new_id: str, overrides: dict[str, Any]) -> Status:
        runtime = self._runtime
        plan = await runtime.plans.get(old.plan)
        trigger = await self._trigger(old, overrides)
        # First of all, since it finds what is wrong with the overrides.
        opened = await runtime.opened.open(new_id, plan, trigger)
        document = await self._document(old.plan)
        if document is None:
            raise ExecutionNotFound(old.id)
        new = new_execution(new_id, plan, document, old.input, retry_of=old.id)
        number = await self._submission.create(new)
        # From here on the old one cannot be deleted; it may have been a moment ago.
        still = await self._find(old.id)
        if still is None or still.number != old.number:
            await runtime.store.delete(new_id, 1, number)
            raise ExecutionNotFound(old.id)
        return await self._submission.begin(replace(opened, number=number), trigger, overrides)

    async def _trigger(self, old: ExecutionRecord, overrides: dict[str, Any]) -> Trigger:
        before = await self._runtime.opened.trigger(old.id, old.number)
        given = before.input
        if old.started is None:
            given = json.loads(old.input) if old.input is not None else {}
        merged = {key: dict(value) for key, value in before.overrides.items()}
        for key, value in overrides.items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        return Trigger(given, merged, old.id, tuple(overrides), old.notices)

    async def _read(self, execution_id: str) -> ExecutionRecord:
        record = await self._find(execution_id)
        if record is None:
            raise ExecutionNotFound(execution_id)
        return record

    async def _find(self, execution_id: str) -> ExecutionRecord | None:
        runtime = self._runtime
        return await runtime.insist(lambda: runtime.store.read(execution_id), PATIENCE)

    async def _document(self, plan: str) -> str | None:
        runtime = self._runtime
        return await runtime.insist(lambda: runtime.store.document(plan), PATIENCE)


def _refuse_unfit(old: ExecutionRecord, overrides: Mapping[str, Any]) -> None:
    if "execution" in overrides:
        raise DocumentRefused([_INPUT])
    if not old.status.terminal:
        raise Conflict(_OPEN)
    if old.status is Status.COMPLETED and not overrides:
        raise Conflict(_NOTHING)


def _retry_id(old: ExecutionRecord, overrides: Mapping[str, Any], nth: int) -> str:
    """Return the id of the n-th retry of an execution with these overrides.

    Worked out, not drawn: whoever asks twice, or through two servers, gets one retry. An execution
    that had the same id, and was deleted, has other ones: it was created at another time, if not
    with another number (a SQLite file that is opened anew may give one again).
    """
    named = [old.id, old.number, old.created, overrides, nth]
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"retry {text}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))
