"""What reading an execution takes of its workflow; known also where a plugin of it is missing."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from wfcore.engine.plan import Plan
from wfcore.plugins.registry import Registry

__all__ = ["Outline"]


@dataclass(frozen=True, slots=True)
class Outline:
    """The nodes in the document's order, and whose outputs are the execution's results."""

    nodes: Collection[str]
    results: Sequence[str]
    merges: bool
    """The outputs are merged into one object, rather than listed by node."""
    is_data: Callable[[str], bool]
    """Whether the failure of a node is data, by its `on_error: continue`."""

    @classmethod
    def of_plan(cls, plan: Plan) -> "Outline":
        """Return the outline of a workflow that can run here."""
        merges = any(plan.nodes[key].gives_result for key in plan.results[:1])
        return cls(
            plan.nodes, plan.results, merges, lambda key: plan.nodes[key].on_error == "continue"
        )

    @classmethod
    def of_document(cls, document: str, registry: Registry) -> "Outline":
        """Return the outline of a stored workflow that cannot run here."""
        nodes = json.loads(document)["dag"]["nodes"]
        known = registry.handlers
        giving = [
            node["id"]
            for node in nodes
            if node["handler"] in known and known[node["handler"]].gives_result
        ]
        inner = {dependency for node in nodes for dependency in node.get("dependencies", ())}
        sinks = [node["id"] for node in nodes if node["id"] not in inner]
        data = {node["id"] for node in nodes if node.get("on_error") == "continue"}
        keys = [node["id"] for node in nodes]
        return cls(keys, giving or sinks, bool(giving), data.__contains__)
