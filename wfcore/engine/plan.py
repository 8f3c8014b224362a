"""The plan: a proved document in the form in which it is run. It never changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.store.contract import Edge, EdgeKind
from wfcore.templating import Compiled, Reference
from wfcore.templating.scope import SECRETS
from wfcore.workflow.document import Join, Node, OnError, Retry, Workflow

__all__ = ["Plan", "PlanNode", "Step", "build_plan", "override_plan"]


class PlanNode(NamedTuple):
    """One node: what running it takes, and what follows from it."""

    key: str
    handler: str
    config: Compiled
    when: Compiled | None
    """None where the document leaves it out or says true."""
    join: Join
    deps: int
    """How many must have counted before all have; a root waits for the virtual start alone."""
    need: int
    """How many `ok` ones fire the node before all have counted."""
    on_error: OnError
    retry: Retry | None
    timeout: float | None
    queue: str
    dependencies: tuple[str, ...]
    edges: tuple[Edge, ...]
    """To each successor, with kind `ok`."""
    needs: tuple[str, ...]
    """The nodes whose results its templates name."""
    needs_execution: bool
    """Whether its templates name anything of the execution."""
    gives_result: bool
    position: int
    """In the document: `/dag/nodes/{position}`."""
    secrets: tuple[str, ...] = ()
    """The secrets that its templates name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow, ready to run; nodes in the order of the document."""

    hash: str
    """Of the document, and of what a trigger changed in it."""
    name: str
    labels: Mapping[str, str]
    timeout: float | None
    input_schema: Mapping[str, Any] | None
    nodes: Mapping[str, PlanNode]
    roots: tuple[Edge, ...]
    results: tuple[str, ...]
    """Whose outputs are the execution's: those of handlers that give results, else the sinks."""
    workflow: Workflow = field(repr=False)
    """The document itself, as its models."""
    secrets: tuple[tuple[str, str], ...] = ()
    """The secrets that the document names, each with the pointer of its template."""
    missing: tuple[tuple[str, int], ...] = ()
    """Handlers that are not installed here, each with the position of a node that names it."""


class Step(NamedTuple):
    """What the templates of one node were compiled to."""

    config: Compiled
    when: Compiled | None

    def references(self) -> Sequence[tuple[str, Reference]]:
        """Return what the templates name, each with the pointer of its string."""
        if self.when is None:
            return self.config.references
        return (*self.config.references, *self.when.references)

    def needs(self) -> "Needs":
        """Return what rendering the templates takes."""
        nodes: dict[str, None] = {}
        secrets: dict[str, None] = {}
        execution = False
        for _, reference in self.references():
            if reference.is_node:
                nodes[reference.root] = None
            elif reference.root == SECRETS:
                secrets[str(reference.path[0])] = None
            else:
                execution = True
        return Needs(tuple(nodes), execution, tuple(secrets))


class Needs(NamedTuple):
    """What the templates of a node name: nodes, whether the execution, and secrets."""

    nodes: tuple[str, ...]
    execution: bool
    secrets: tuple[str, ...]


def build_plan(
    plan_hash: str,
    workflow: Workflow,
    successors: Sequence[Sequence[int]],
    steps: Sequence[Step],
    registry: Registry,
    secrets: Sequence[tuple[str, str]] = (),
) -> Plan:
    """Return the plan of a workflow without problems; `successors` by positions."""
    nodes = workflow.dag.nodes
    handlers = dict(registry.handlers)
    edges = [_edge(node, handlers.get(node.handler)) for node in nodes]
    planned: dict[str, PlanNode] = {}
    for at, node in enumerate(nodes):
        out = tuple([edges[successor] for successor in successors[at]])
        handler = handlers.get(node.handler)
        gives_result = handler is not None and handler.gives_result
        planned[node.id] = _plan_node(at, node, steps[at], edges[at], out, gives_result)
    giving = tuple(key for key, each in planned.items() if each.gives_result)
    sinks = tuple(key for key, each in planned.items() if not each.edges)
    return Plan(
        hash=plan_hash,
        name=workflow.name,
        labels=workflow.labels,
        timeout=workflow.timeout,
        input_schema=workflow.input_schema,
        nodes=planned,
        roots=tuple(edges[at] for at, node in enumerate(nodes) if not node.dependencies),
        results=giving or sinks,
        workflow=workflow,
        secrets=tuple(secrets),
        missing=tuple(
            (node.handler, at) for at, node in enumerate(nodes) if node.handler not in handlers
        ),
    )


def _edge(node: Node, handler: Handler | None) -> Edge:
    """Return the edge that leads to a node: the same from each of its dependencies.

    Without its handler the node cannot run here: it is filed for a process that has it.
    """
    deps = max(1, len(node.dependencies))
    need = 1 if node.join == "any_success" else deps
    queue = handler.queue if handler is not None else Handler.queue
    keep = handler is not None
    return Edge(node.id, EdgeKind.OK, deps, need, queue, node.handler, keep)


def _plan_node(
    position: int, node: Node, step: Step, own: Edge, edges: tuple[Edge, ...], gives_result: bool
) -> PlanNode:
    needs, needs_execution, secrets = step.needs()
    return PlanNode(
        key=node.id,
        handler=node.handler,
        config=step.config,
        when=step.when,
        join=node.join,
        deps=own.deps,
        need=own.need,
        on_error=node.on_error,
        retry=node.retry,
        timeout=node.timeout,
        queue=own.queue,
        dependencies=node.dependencies,
        edges=edges,
        needs=needs,
        needs_execution=needs_execution,
        gives_result=gives_result,
        position=position,
        secrets=secrets,
    )


def override_plan(plan: Plan, overrides: Mapping[str, Any], changed: Mapping[str, Step]) -> Plan:
    """Return a plan in which some nodes have the configs of these steps; all else is shared."""
    nodes = dict(plan.nodes)
    for key, step in changed.items():
        needs, needs_execution, secrets = step.needs()
        nodes[key] = nodes[key]._replace(
            config=step.config, needs=needs, needs_execution=needs_execution, secrets=secrets
        )
    text = json.dumps(overrides, ensure_ascii=False, sort_keys=True)
    changed_hash = hashlib.sha256(f"{plan.hash}\n{text}".encode()).hexdigest()
    return replace(plan, hash=changed_hash, nodes=nodes)
