"""The DAG: names resolved to positions, cycles, an order, and who is upstream of whom.

Everything here is linear in nodes and edges. Nodes go by their position in the document.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.names import quoted

__all__ = ["Graph"]

# Ancestors are asked for in blocks of so many, one bit each: at most 32 MB at 100,000 nodes.
_BLOCK: Final = 2_048
_SHOWN: Final = 12


class Linked(Protocol):
    """A node as far as the graph asks for it."""

    @property
    def id(self) -> str | None: ...

    @property
    def dependencies(self) -> Sequence[str]: ...


class Graph:
    """The dependencies of a document's nodes, as far as they make sense."""

    def __init__(self, outlines: Sequence[Linked], findings: Findings) -> None:
        self.ids: Sequence[str | None] = [outline.id for outline in outlines]
        self.position: dict[str, int] = {}
        self.dependencies: list[list[int]] = []
        self.vague: set[int] = set()
        """Nodes whose ancestors are not all known, for a dependency that does not exist."""
        self._name_all(findings)
        self.names = Vocabulary(self.position)
        for index, outline in enumerate(outlines):
            self.dependencies.append(self._resolve(index, outline.dependencies, findings))
        self.successors: list[list[int]] = [[] for _ in outlines]
        for index, dependencies in enumerate(self.dependencies):
            for dependency in dependencies:
                self.successors[dependency].append(index)
        self.order: Sequence[int] = self._sort()
        """Every node after its dependencies; nodes behind a cycle are not in it."""
        if len(self.order) < len(outlines):
            self._show_cycles(findings)
        if self.vague:
            self._spread_vagueness()

    def _name_all(self, findings: Findings) -> None:
        for index, name in enumerate(self.ids):
            if name is None:
                continue
            first = self.position.setdefault(name, index)
            if first != index:
                message = f"the id {quoted(name)} is taken by /dag/nodes/{first}"
                findings.add("graph.duplicate_id", f"/dag/nodes/{index}/id", message)

    def _resolve(self, index: int, names: Sequence[str], findings: Findings) -> list[int]:
        found = [self.position.get(name, index) for name in names]
        if index in found or len(set(found)) < len(found):
            return self._resolve_with_care(index, names, findings)
        return found

    def _resolve_with_care(self, index: int, names: Sequence[str], findings: Findings) -> list[int]:
        found: dict[int, None] = {}
        for at, name in enumerate(names):
            target = self.position.get(name)
            place = f"/dag/nodes/{index}/dependencies/{at}"
            if target is None:
                self.vague.add(index)
                message = f"there is no node {quoted(name)}"
                findings.add(
                    "graph.unknown_dependency", place, message, wanted=name, among=self.names
                )
            elif target == index:
                findings.add("graph.self_dependency", place, "a node cannot depend on itself")
            elif target in found:
                message = f"{quoted(name)} is listed more than once"
                findings.add("graph.duplicate_dependency", place, message)
            else:
                found[target] = None
        return list(found)

    def _sort(self) -> list[int]:
        open_dependencies = [len(each) for each in self.dependencies]
        order = [index for index, count in enumerate(open_dependencies) if not count]
        for index in order:  # grows as it is read
            for successor in self.successors[index]:
                open_dependencies[successor] -= 1
                if not open_dependencies[successor]:
                    order.append(successor)
        return order

    def _show_cycles(self, findings: Findings) -> None:
        """Tell one cycle of each group of nodes that depend on one another."""
        # Only refused documents pay for this import.
        import networkx as nx  # type: ignore[import-untyped]  # noqa: PLC0415

        left = set(range(len(self.ids))).difference(self.order)
        edges = ((d, n) for n in left for d in self.dependencies[n] if d in left)
        groups = nx.strongly_connected_components(nx.DiGraph(edges))
        for group in sorted((sorted(each) for each in groups if len(each) > 1), key=min):
            cycle = self._walk(group)
            names = [str(self.ids[index]) for index in [*cycle, cycle[0]]]
            if len(names) > _SHOWN:
                names[_SHOWN // 2 : -_SHOWN // 2] = [f"... {len(names) - _SHOWN} more ..."]
            message = f"these nodes wait for one another: {' -> '.join(names)}"
            hint = "an arrow leads from a dependency to the node that names it"
            findings.add("graph.cycle", f"/dag/nodes/{cycle[0]}/dependencies", message, hint)

    def _walk(self, group: Sequence[int]) -> list[int]:
        """Return one cycle among nodes of which each has a dependency in the group."""
        inside = set(group)
        seen: dict[int, None] = {}
        index = group[0]
        while index not in seen:
            seen[index] = None
            index = next(each for each in self.dependencies[index] if each in inside)
        path = list(seen)
        cycle = path[path.index(index) :][::-1]
        first = cycle.index(min(cycle))
        return cycle[first:] + cycle[:first]

    def _spread_vagueness(self) -> None:
        for index in self.order:
            if index in self.vague:
                self.vague.update(self.successors[index])

    def not_upstream(self, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return those (node, other) of which the other is no ancestor of the node.

        Of nodes behind a cycle, or whose ancestors are not all known, nothing is said. Pairs are
        answered in blocks of neighbouring others, each by one walk over the part of the order
        between the first other and the last node of the block.
        """
        rank = {index: at for at, index in enumerate(self.order)}
        wrong: set[tuple[int, int]] = set()
        asked: dict[int, list[int]] = {}
        for node, other in pairs:
            if node in rank and node not in self.vague:
                if other in rank and rank[other] < rank[node]:
                    asked.setdefault(other, []).append(node)
                else:
                    wrong.add((node, other))
        others = sorted(asked, key=rank.__getitem__)
        for start in range(0, len(others), _BLOCK):
            block = others[start : start + _BLOCK]
            last = max(rank[node] for other in block for node in asked[other])
            masks = self._reach(block, range(rank[block[0]], last + 1))
            for bit, other in enumerate(block):
                wrong.update((n, other) for n in asked[other] if not masks.get(n, 0) >> bit & 1)
        return wrong

    def _reach(self, block: Iterable[int], span: range) -> dict[int, int]:
        """Return for each node of the span which of the block are its ancestors, as bits."""
        own = {other: 1 << bit for bit, other in enumerate(block)}
        masks: dict[int, int] = {}
        for index in self.order[span.start : span.stop]:
            mask = 0
            for dependency in self.dependencies[index]:
                mask |= masks.get(dependency, 0) | own.get(dependency, 0)
            if mask:
                masks[index] = mask
        return masks
