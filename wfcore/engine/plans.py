"""Plans by the hash of their document: proved once, kept in a bounded cache."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.engine.threads import Threads
from wfcore.errors import DocumentRefused, StoreError
from wfcore.problems import Problem
from wfcore.store.contract import StateStore
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import copy_value, parse
from wfcore.workflow.weight import is_light

__all__ = ["Document", "Plans", "json_text"]

Document = Mapping[str, Any] | bytes | str
"""A workflow document: JSON text, or the same as Python objects."""

_MAX_NODES_KEPT: Final = 1_000_000

json_text: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


class Plans:
    """Proves documents and keeps their plans, the least recently used ones going first."""

    def __init__(self, prover: Prover, store: StateStore, limits: Limits, threads: Threads) -> None:
        self._prover = prover
        self._store = store
        self._limits = limits
        self._threads = threads
        self._known: OrderedDict[str, Plan] = OrderedDict()
        self._nodes = 0

    async def prove(self, document: Document, *, stored: bool = False) -> tuple[Plan, str]:
        """Return a document's plan and its text; raises `DocumentRefused` with all problems."""
        if is_light(document):
            return self._prove(document, stored=stored)
        return await self._threads.run(lambda: self._prove(document, stored=stored))

    async def get(self, plan_hash: str) -> Plan:
        """Return the plan of a stored document.

        Raises `DocumentRefused` where this process cannot run it (a plugin is missing).
        """
        plan = self._known.get(plan_hash)
        if plan is not None:
            self._known.move_to_end(plan_hash)
            return plan
        text = await self._store.document(plan_hash)
        if text is None:
            raise StoreError(f"the store has no document {plan_hash}")
        plan, _ = await self.prove(text, stored=True)
        return plan

    def _prove(self, document: Document, *, stored: bool) -> tuple[Plan, str]:
        plan, text = self._recognised(document) or self._read(document, stored=stored)
        if plan.secrets and not stored:
            self._prover.check_secrets(plan)
        return plan, text

    def _read(self, document: Document, *, stored: bool) -> tuple[Plan, str]:
        if isinstance(document, bytes | str):
            value = parse(document, self._limits)
        else:
            value = copy_value(document, self._limits)
        text = json_text(value)
        self._check_size(text)
        plan_hash = _hash(text)
        plan = self._known.get(plan_hash)
        if plan is None:
            plan = self._prover.prove(value, plan_hash, stored=stored)
            self._remember(plan)
        return plan, text

    def _check_size(self, text: str) -> None:
        """Hold a document that came as Python objects to the same limit as text."""
        limit = self._limits.max_document_bytes
        if len(text) > limit // 4 and len(text.encode()) > limit:
            message = f"the document is larger than the limit of {limit} bytes"
            raise DocumentRefused([Problem("document.too_large", "", message)])

    def _recognised(self, document: Document) -> tuple[Plan, str] | None:
        """Return the plan of a document that comes again just as it was: no need to read it."""
        try:
            if isinstance(document, str):
                text = document
            elif isinstance(document, bytes):
                text = document.decode()
            else:
                text = json_text(document)
            plan = self._known.get(_hash(text))
        except (ValueError, TypeError, RecursionError):
            # Reading it finds out what is wrong with it.
            return None
        return (plan, text) if plan is not None else None

    def _remember(self, plan: Plan) -> None:
        self._known[plan.hash] = plan
        self._nodes += len(plan.nodes)
        while self._nodes > _MAX_NODES_KEPT and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self._nodes -= len(dropped.nodes)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
