"""From a JSON value to the models, node by node, noting everything that is wrong."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from wfcore.workflow.document import Dag, Header, Node, Retry, Workflow
from wfcore.workflow.faults import Fault, faults
from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import quoted

__all__ = ["Outline", "Reading", "read"]

_LONGEST_SAID: Final = 300
_MOST_FIELDS: Final = 1_000


class Outline(NamedTuple):
    """A node as far as it can be told: of a wrong one, the fields that are sound."""

    id: str | None
    handler: str | None
    dependencies: Sequence[str]
    config: Mapping[str, Any]
    when: bool | str
    node: Node | None
    """None where anything in the node is wrong."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as far as it could be read."""

    outlines: Sequence[Outline]
    header: Header | None
    """None where any part of it is wrong."""

    def workflow(self) -> Workflow:
        """Return the models: without the nodes and the header that are wrong, if any are."""
        nodes = tuple(each.node for each in self.outlines if each.node is not None)
        header = dict(self.header or Header(name="?"))
        return Workflow.model_construct(**header, dag=Dag.model_construct(nodes=nodes))


def read(document: Any, limits: Limits, findings: Findings) -> Reading:
    """Read a document; what is wrong goes to `findings`, and the rest is read all the same."""
    if not isinstance(document, dict):
        findings.add("document.type", "", "a workflow is a JSON object")
        return Reading((), None)
    header = _read_header(document, findings)
    entries = _entries(document, limits, findings)
    return Reading(_read_nodes(entries, limits, findings), header)


def _read_header(document: dict[str, Any], findings: Findings) -> Header | None:
    fields = {key: value for key, value in document.items() if key != "dag"}
    if _has_many(fields):
        _note_many(fields, "", findings)
        return None
    try:
        return Header.model_validate(fields)
    except ValidationError as error:
        _note(error, fields, "", Workflow, findings)
        return None


def _entries(document: dict[str, Any], limits: Limits, findings: Findings) -> Sequence[Any]:
    if "dag" not in document:
        findings.add("document.missing_field", "", "dag is missing")
        return ()
    dag = document["dag"]
    if not isinstance(dag, dict):
        findings.add("document.invalid", "/dag", 'dag should be an object with "nodes"')
        return ()
    for key in dag.keys() - {"nodes"}:
        fault = Fault("extra_forbidden", (key,), f"{quoted(key)} is not a known field", key)
        _note_fault(fault, "/dag", Dag, findings)
    nodes = dag.get("nodes")
    if "nodes" not in dag:
        findings.add("document.missing_field", "/dag", "nodes is missing")
    elif not isinstance(nodes, list):
        findings.add("document.invalid", "/dag/nodes", "nodes should be a list")
    elif not nodes:
        findings.add("document.empty", "/dag/nodes", "a workflow has at least one node")
    elif len(nodes) > limits.max_nodes:
        message = f"{len(nodes)} nodes are more than the limit of {limits.max_nodes}"
        findings.add("document.too_many_nodes", "/dag/nodes", message)
    else:
        return nodes
    return ()


def _read_nodes(entries: Sequence[Any], limits: Limits, findings: Findings) -> list[Outline]:
    outlines: list[Outline] = []
    edges = 0
    for index, entry in enumerate(entries):
        if _has_many(entry):
            _note_many(entry, f"/dag/nodes/{index}", findings)
            outlines.append(_salvage(None, set()))
            continue
        try:
            node = Node.model_validate(entry)
        except ValidationError as error:
            wrong = _note(error, entry, f"/dag/nodes/{index}", Node, findings)
            outline = _salvage(entry, wrong)
            if findings.full:
                break
        else:
            outline = Outline(
                node.id, node.handler, node.dependencies, node.config, node.when, node
            )
        edges += len(outline.dependencies)
        outlines.append(outline)
    if edges > limits.max_edges:
        message = f"{edges} dependencies are more than the limit of {limits.max_edges}"
        findings.add("document.too_many_edges", "/dag/nodes", message)
    return outlines


def _has_many(value: Any) -> bool:
    """Whether something has so many fields that to look at each of them would only cost."""
    return isinstance(value, dict) and len(value) > _MOST_FIELDS


def _note_many(value: dict[str, Any], at: str, findings: Findings) -> None:
    message = f"{len(value)} fields are more than there are"
    findings.add("document.unknown_field", at, message)


def _salvage(entry: Any, wrong: AbstractSet[str]) -> Outline:
    if not isinstance(entry, dict) or "" in wrong:
        return Outline(None, None, (), {}, True, None)
    sound = {field: value for field, value in entry.items() if field not in wrong}
    name = entry.get("id")
    return Outline(
        name if isinstance(name, str) else None,
        sound.get("handler"),
        sound.get("dependencies", ()),
        sound.get("config", {}),
        sound.get("when", True),
        None,
    )


def _note(
    error: ValidationError, value: Any, at: str, model: type[BaseModel], findings: Findings
) -> AbstractSet[str]:
    """Note what is wrong, and return the fields that are; "" stands for the whole."""
    wrong: set[str] = set()
    for fault in faults(error, value):
        _note_fault(fault, at, model, findings)
        wrong.add(str(fault.path[0]) if fault.path else fault.name)
    return wrong


_CODES: Final[Mapping[str, str]] = {
    "missing": "document.missing_field",
    "reserved_id": "document.reserved_id",
}


def _note_fault(fault: Fault, at: str, model: type[BaseModel], findings: Findings) -> None:
    place = at + fault.pointer
    if fault.unknown:
        owner = Retry if fault.path[:-1] == ("retry",) else model
        message = f"{quoted(fault.name)} is not a known field"
        known = Vocabulary(owner.model_fields)
        findings.add("document.unknown_field", place, message, wanted=fault.name, among=known)
    elif fault.kind == "string_pattern_mismatch":
        hint = "up to 128 letters, digits, _ . and -, the first a letter, a digit or _"
        findings.add("document.invalid_id", place, "this cannot be a node id", hint)
    else:
        code = _CODES.get(fault.kind, "document.invalid")
        findings.add(code, place, fault.message[:_LONGEST_SAID])
