"""What templates name, checked against the graph and against what upstream handlers give out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from wfcore.engine.shapes import Shape, lack
from wfcore.templating import Reference
from wfcore.templating.scope import SECRETS
from wfcore.workflow.document import Workflow
from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.names import quoted

__all__ = ["Graphlike", "References", "execution_shape"]

Place = tuple[str, Reference]
"""The pointer of the string that holds a template, and a path that it names."""

_ERROR: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "message": {"type": "string"},
        "retryable": {"type": "boolean"},
        "status": {"type": "integer"},
        "details": {},
    },
    "additionalProperties": False,
}
_NODE: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"output": True, "state": {"type": "string"}, "error": _ERROR},
    "additionalProperties": False,
}
_NODE_SHAPE: Final = Shape(_NODE, _NODE)
_PATH_SHOWN: Final = 120


def execution_shape(workflow: Workflow) -> Shape:
    """Return what templates can name under `execution`."""
    labels = {key: {"type": "string"} for key in workflow.labels}
    text = {"type": "string"}
    properties = {
        "id": text,
        "name": text,
        "input": True,
        "labels": {"type": "object", "properties": labels, "additionalProperties": False},
    }
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return Shape(closed, closed)


class Graphlike(Protocol):
    """What the checks ask about the nodes around."""

    @property
    def names(self) -> Vocabulary:
        """All node ids."""

    def knows(self, name: str) -> bool:
        """Whether a node is called so."""

    def output(self, name: str) -> Shape | None:
        """Return what a node gives out, None if that is not known."""


class References:
    """Checks the references of one document; those to distant nodes are asked for at the end."""

    def __init__(self, graph: Graphlike, workflow: Workflow, findings: Findings) -> None:
        self.distant: list[tuple[str, str, str]] = []
        """(node, other, pointer) where the other is no direct dependency."""
        self.secrets: list[tuple[str, str]] = []
        """(pointer, name) of each secret that is named."""
        self._graph = graph
        self._findings = findings
        self._execution = execution_shape(workflow)
        schema = workflow.input_schema
        self._input = None if schema is None else Shape(schema, schema)
        self._fine: set[tuple[int, tuple[str | int, ...]]] = set()

    def check(self, node: str, direct: Collection[str], places: Iterable[Place]) -> None:
        """Check what the templates of a node name, given its direct dependencies."""
        for place, reference in places:
            root = reference.root
            if not reference.is_node:
                self._check_other(reference, place)
                continue
            if self._findings.full:
                break
            if root not in direct:
                if root == node:
                    message = "a node cannot read its own result"
                    self._findings.add("reference.not_upstream", place, message)
                    continue
                if not self._graph.knows(root):
                    self._note_unknown(root, place)
                    continue
                self.distant.append((node, root, place))
            if reference.path:
                self._check_path(reference, place)

    def note_not_upstream(self, other: str, place: str) -> None:
        """Note a reference to a node that does not run before the one that names it."""
        message = f"{quoted(other)} does not run before this node"
        hint = f"add {quoted(other)} to its dependencies"
        self._findings.add("reference.not_upstream", place, message, hint)

    def _note_unknown(self, name: str, place: str) -> None:
        self._findings.add(
            "reference.unknown_node",
            place,
            f"there is no node {quoted(name)}",
            "templates name nodes by their ids, and the execution's own things as execution.…",
            wanted=name,
            among=self._graph.names,
        )

    def _check_other(self, reference: Reference, place: str) -> None:
        if reference.root == SECRETS:
            self.secrets.append((place, str(reference.path[0])))
            return
        steps = reference.path
        if steps[:1] == ("labels",) and reference.optional:
            return
        if steps[:1] == ("input",) and self._input is not None:
            self._follow(self._input, reference, 1, place)
        else:
            self._follow(self._execution, reference, 0, place)

    def _check_path(self, reference: Reference, place: str) -> None:
        shape, given = _NODE_SHAPE, 0
        if reference.path[0] == "output":
            output = self._graph.output(reference.root)
            if output is None or len(reference.path) == 1:
                return
            shape, given = output, 1
        # Nodes of one handler mostly share one schema: what it allows is looked up once.
        known = (id(shape.schema), reference.path)
        if known not in self._fine and self._follow(shape, reference, given, place):
            self._fine.add(known)

    def _follow(self, shape: Shape, reference: Reference, given: int, place: str) -> bool:
        """Check the steps after the first `given` ones against a shape."""
        steps = reference.path[given:]
        found = lack(shape, steps) if steps else None
        if found is None:
            return True
        done = given + found.depth
        whole = _text(reference.root, reference.path[:done])
        missing = reference.path[done]
        message = f"`{whole}` has no `{_clipped(str(missing))}`"
        hint = f"it has {', '.join(found.names)}" if 0 < len(found.names) <= 8 else None
        self._findings.add(
            "reference.unknown_field",
            place,
            message,
            hint,
            wanted=str(missing),
            among=Vocabulary(found.names),
        )
        return False


def _text(root: str, steps: Sequence[str | int]) -> str:
    """Write a path as a template would."""
    text = root if root.isidentifier() else f"nodes['{root}']"
    for step in steps:
        word = isinstance(step, str) and step.isidentifier()
        text += f".{step}" if word else f"[{step!r}]"
    return _clipped(text)


def _clipped(text: str) -> str:
    return text if len(text) <= _PATH_SHOWN else text[:_PATH_SHOWN] + "…"
