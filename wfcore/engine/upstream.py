"""What is known of a document's nodes while templates are checked against them."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from wfcore.engine.shapes import Shape
from wfcore.plugins.failure import failure_line
from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.workflow.document import Workflow
from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.names import quoted

__all__ = ["Upstream"]

_LONGEST_SAID: Final = 300


class _Part(Protocol):
    @property
    def handler(self) -> str | None: ...

    @property
    def config(self) -> Mapping[str, Any]: ...


class Upstream:
    """The nodes by name, with the shapes of their outputs, asked of a handler once per node."""

    def __init__(
        self,
        names: Vocabulary,
        find: Callable[[str], _Part | None],
        registry: Registry,
        workflow: Workflow,
        findings: Findings,
    ) -> None:
        self.names = names
        self._find = find
        self._handlers = registry.handlers
        self._workflow = workflow
        self._findings = findings
        self._shapes: dict[str, Shape | None] = {}

    def knows(self, name: str) -> bool:
        """Whether a node is called so."""
        return self._find(name) is not None

    def output(self, name: str) -> Shape | None:
        """Return what a node gives out, None if that is not known."""
        if name not in self._shapes:
            part = self._find(name)
            handler = self._handlers.get(part.handler or "") if part is not None else None
            shape = None
            if part is not None and handler is not None:
                shape = self._ask(handler, part)
            self._shapes[name] = shape
        return self._shapes[name]

    def _ask(self, handler: Handler, part: _Part) -> Shape | None:
        try:
            schema: object = handler.output_schema(part.config, self._workflow)
            if schema is None or isinstance(schema, dict):
                return None if schema is None else Shape(schema, schema)
            told = f"returned a {type(schema).__name__}"
        except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything
            told = f"raised {failure_line(error)}"
        message = f"output_schema of handler {quoted(handler.name)} {told}"
        self._findings.add("plugin.failed", "", message[:_LONGEST_SAID])
        return None
