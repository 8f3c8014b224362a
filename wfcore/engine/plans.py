"""Plans by the hash of their document: proved once, kept in a bounded cache."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.engine.threads import Threads
from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.store.contract import StateStore
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import copy_value, parse
from wfcore.workflow.weight import is_light, parsed_size

__all__ = ["Document", "Plans", "json_text"]

Document = Mapping[str, Any] | bytes | str
"""A workflow document: JSON text, or the same as Python objects."""

_MAX_NODES_KEPT: Final = 1_000_000
_MAX_BYTES_KEPT: Final = 256 * 1024 * 1024
_LIGHT_NODES: Final = 1_000

_GONE: Final = Problem(
    "document.gone", "", "the document was deleted, with the last execution that had it"
)

json_text: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


class _Kept(NamedTuple):
    plan: Plan
    size: int
    """About how many bytes its document takes."""


class Plans:
    """Proves documents and keeps their plans, the least recently used ones going first."""

    def __init__(self, prover: Prover, store: StateStore, limits: Limits, threads: Threads) -> None:
        self._prover = prover
        self._store = store
        self._limits = limits
        self._threads = threads
        self._lock = threading.Lock()
        """Held around what is kept: documents are proved in threads too."""
        self._known: OrderedDict[str, _Kept] = OrderedDict()
        self._nodes = 0
        self._bytes = 0

    async def prove(self, document: Document, *, stored: bool = False) -> tuple[Plan, str]:
        """Return a document's plan and its text; raises `DocumentRefused` with all problems."""
        # A plugin's source of secrets may have to ask somebody far away.
        light = is_light(document) and not self._prover.asks_plugins
        return await self._threads.run_unless(light, lambda: self._prove(document, stored=stored))

    async def override(
        self, plan: Plan, overrides: Mapping[str, Mapping[str, Any]], *, stored: bool
    ) -> Plan:
        """Return the plan with config keys replaced; raises `DocumentRefused`. It is not kept."""
        return await self._threads.run_unless(
            len(plan.nodes) <= _LIGHT_NODES and is_light(overrides),
            lambda: self._prover.override(plan, overrides, stored=stored),
        )

    async def get(self, plan_hash: str) -> Plan:
        """Return the plan of a stored document.

        Raises `DocumentRefused` where this process cannot run it (a plugin is missing), and where
        it went with the last execution that had it.
        """
        plan = self._find(plan_hash)
        if plan is not None:
            return plan
        text = await self._store.document(plan_hash)
        if text is None:
            raise DocumentRefused([_GONE])
        plan, _ = await self.prove(text, stored=True)
        return plan

    def _prove(self, document: Document, *, stored: bool) -> tuple[Plan, str]:
        plan, text = self._recognised(document) or self._read(document, stored=stored)
        if plan.missing and not stored:
            self.check_handlers(plan)
        if plan.secrets and not stored:
            self._prover.check_secrets(plan)
        return plan, text

    def check_handlers(self, plan: Plan) -> None:
        """Raise `DocumentRefused` where handlers of a plan are not installed here."""
        self._prover.check_handlers(plan)

    def _read(self, document: Document, *, stored: bool) -> tuple[Plan, str]:
        if isinstance(document, bytes | str):
            value = parse(document, self._limits)
        else:
            value = copy_value(document, self._limits)
        text = json_text(value)
        self._check_size(text)
        plan_hash = _hash(text)
        plan = self._find(plan_hash)
        if plan is None:
            plan = self._prover.prove(value, plan_hash, stored=stored)
            plan = self._remember(plan, parsed_size(text))
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
            plan = self._find(_hash(text))
        except (ValueError, TypeError, RecursionError):
            # Reading it finds out what is wrong with it.
            return None
        return (plan, text) if plan is not None else None

    def _find(self, plan_hash: str) -> Plan | None:
        with self._lock:
            kept = self._known.get(plan_hash)
            if kept is None:
                return None
            self._known.move_to_end(plan_hash)
            return kept.plan

    def _remember(self, plan: Plan, size: int) -> Plan:
        """Keep a plan; of a document that was proved twice at a time, the first one."""
        with self._lock:
            known = self._known.get(plan.hash)
            if known is not None:
                return known.plan
            self._known[plan.hash] = _Kept(plan, size)
            self._count(plan, size, 1)
            while self._is_over_budget() and len(self._known) > 1:
                _, dropped = self._known.popitem(last=False)
                self._count(*dropped, -1)
            return plan

    def _count(self, plan: Plan, size: int, sign: int) -> None:
        self._nodes += sign * len(plan.nodes)
        self._bytes += sign * size

    def _is_over_budget(self) -> bool:
        return self._nodes > _MAX_NODES_KEPT or self._bytes > _MAX_BYTES_KEPT


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
