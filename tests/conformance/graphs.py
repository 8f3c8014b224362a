"""Small random DAGs, and the Moves that executions of them are made of."""

from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st

from wfcore.store.contract import NO_CURSOR, START, Edge, EdgeKind, Move
from wfcore.testing.conformance import moves
from wfcore.workflow.states import NodeState

__all__ = ["Graph", "graphs"]

_CHUNK: Final = 2
_LEASE_MS: Final = 30
_READY_MS: Final = 50


@dataclass(frozen=True)
class Graph:
    """Nodes `n0`, `n1`, ... with the dependencies of each and how many successes it needs."""

    dependencies: tuple[tuple[int, ...], ...]
    needs: tuple[int, ...]

    def edges(self, key: str, kind: EdgeKind, *, can_run: bool) -> list[Edge]:
        if key == START:
            roots = [n for n, before in enumerate(self.dependencies) if not before]
            return [moves.edge(f"n{n}", kind, keep=can_run) for n in roots]
        number = int(key[1:])
        return [
            moves.edge(
                f"n{n}", kind, deps=len(before), need=self.needs[n], keep=can_run or n % 2 == 0
            )
            for n, before in enumerate(self.dependencies)
            if number in before
        ]

    def start(self, execution: str, token: int, keep: int, keep_token: int) -> Move:
        move = moves.start(execution, (), token=token, keep=keep, keep_token=keep_token)
        return self._first_chunk(move, self.edges(START, EdgeKind.OK, can_run=True))

    def ended(self, move: Move, kind: EdgeKind, *, can_run: bool = True) -> Move:
        """Give the Move that ends a node the first chunk of its edges."""
        return self._first_chunk(move, self.edges(move.key, kind, can_run=can_run))

    def chunk(self, execution: str, key: str, state: NodeState, token: int, cursor: int) -> Move:
        kind = {NodeState.FAILED: EdgeKind.FAILED, NodeState.SKIPPED: EdgeKind.SKIPPED}
        edges = self.edges(key, kind.get(state, EdgeKind.OK), can_run=True)
        ended = moves.complete(execution, key, token)
        ended.to = state
        ended.ready_ms, ended.lease_ms = _READY_MS, _LEASE_MS
        following = cursor + _CHUNK if cursor + _CHUNK < len(edges) else NO_CURSOR
        return moves.chunk(ended, edges[cursor : cursor + _CHUNK], cursor, following)

    def _first_chunk(self, move: Move, edges: list[Edge]) -> Move:
        return replace(
            move,
            edges=tuple(edges[:_CHUNK]),
            next_cursor=_CHUNK if len(edges) > _CHUNK else NO_CURSOR,
            ready_ms=_READY_MS,
            lease_ms=_LEASE_MS,
        )


_SHAPES: Final = st.sampled_from(
    [
        ((), (0,), (0,), (0,), (0,), (0,), (1, 2, 3, 4, 5)),
        ((), (), (), (), (), (0, 1, 2), (2, 3, 4), (5, 6)),
        ((), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3), (0, 4)),
        ((), (), (), (0, 1, 2), (3,), (3,), (3,)),
    ]
)


@st.composite
def _random_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], ...]:
    dependencies: list[tuple[int, ...]] = []
    for number in range(draw(st.integers(1, 7))):
        chosen = draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        dependencies.append(tuple(sorted(chosen)))
    return tuple(dependencies)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Fan-outs of several chunks and joins more often than chance would draw them."""
    dependencies = draw(_SHAPES | _random_shapes())
    needs = [draw(st.integers(1, max(1, len(before)))) for before in dependencies]
    return Graph(dependencies, tuple(needs))
