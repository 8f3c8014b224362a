"""The DAG, with networkx as the oracle."""

import itertools
from collections.abc import Sequence

import networkx as nx  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.problems import Problem
from wfcore.workflow.findings import Findings
from wfcore.workflow.graph import Graph
from wfcore.workflow.reading import Outline


def outline(name: str | None, dependencies: Sequence[str] = ()) -> Outline:
    return Outline(name, "h", dependencies, {}, True, None)


def build(**nodes: Sequence[str]) -> tuple[Graph, list[Problem]]:
    return build_from([outline(name, each) for name, each in nodes.items()])


def build_from(outlines: Sequence[Outline]) -> tuple[Graph, list[Problem]]:
    findings = Findings(100)
    graph = Graph(outlines, findings)
    nodes = [{"id": each.id, "dependencies": list(each.dependencies)} for each in outlines]
    return graph, findings.problems({"dag": {"nodes": nodes}})


def told(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in problems]


def test_names_are_resolved_to_positions() -> None:
    graph, problems = build(c=["a", "b"], a=[], b=["a"])
    assert problems == []
    assert graph.dependencies == [[1, 2], [], [1]]
    assert graph.successors == [[], [0, 2], [0]]
    assert list(graph.order) == [1, 2, 0]


def test_an_unknown_dependency_is_told_with_the_nearest_id() -> None:
    _, [problem] = build(get_posts=[], b=["get_post"])
    assert problem == Problem(
        "graph.unknown_dependency",
        "/dag/nodes/1/dependencies/0",
        'there is no node "get_post"',
        'did you mean "get_posts"?',
    )


def test_self_and_repeated_dependencies_are_refused() -> None:
    _, problems = build(a=["a"], b=["a", "a"], c=["b", "zzz", "b"])
    assert told(problems) == [
        ("graph.self_dependency", "/dag/nodes/0/dependencies/0"),
        ("graph.duplicate_dependency", "/dag/nodes/1/dependencies/1"),
        ("graph.unknown_dependency", "/dag/nodes/2/dependencies/1"),
        ("graph.duplicate_dependency", "/dag/nodes/2/dependencies/2"),
    ]


def test_a_duplicate_id_names_its_first_owner() -> None:
    _, [problem] = build_from([outline("a"), outline("b"), outline("a", ["b"])])
    assert (problem.code, problem.pointer) == ("graph.duplicate_id", "/dag/nodes/2/id")
    assert problem.message == 'the id "a" is taken by /dag/nodes/0'


def test_nodes_without_a_readable_id_are_left_out() -> None:
    graph, problems = build_from([outline(None, ["b"]), outline("b")])
    assert problems == []
    assert graph.position == {"b": 1}


def test_a_cycle_is_shown() -> None:
    _, [problem] = build(a=["c"], b=["a"], c=["b"], d=["a"], e=[])
    assert problem.code == "graph.cycle"
    assert problem.pointer == "/dag/nodes/0/dependencies"
    assert problem.message == "these nodes wait for one another: a -> b -> c -> a"


def test_each_knot_of_cycles_is_told_once_and_long_ones_are_shortened() -> None:
    ring = {f"n{at}": [f"n{(at - 1) % 500}"] for at in range(500)}
    _, [first, second] = build(x=["y"], y=["x"], **ring)
    assert first.message == "these nodes wait for one another: x -> y -> x"
    assert second.message == (
        "these nodes wait for one another: "
        "n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ... 489 more ... -> n495 -> n496 -> n497 -> n498 -> "
        "n499 -> n0"
    )


def test_a_dense_knot_is_told_once() -> None:
    names = [f"n{at}" for at in range(300)]
    _, problems = build(**{name: [each for each in names if each != name] for name in names})
    assert told(problems) == [("graph.cycle", "/dag/nodes/0/dependencies")]


graphs = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), unique=True, max_size=4), min_size=size, max_size=size
    )
)


@given(graphs)
def test_order_and_cycles_agree_with_networkx(dependencies: list[list[int]]) -> None:
    names = [f"n{at}" for at in range(len(dependencies))]
    outlines = [
        outline(name, [names[each] for each in listed if each != at])
        for at, (name, listed) in enumerate(zip(names, dependencies, strict=True))
    ]
    oracle = nx.DiGraph()
    oracle.add_nodes_from(range(len(names)))
    oracle.add_edges_from((d, n) for n, listed in enumerate(dependencies) for d in listed if d != n)
    graph, problems = build_from(outlines)
    knots = [each for each in nx.strongly_connected_components(oracle) if len(each) > 1]
    assert len(problems) == len(knots)
    assert (not problems) == nx.is_directed_acyclic_graph(oracle)
    rank = {node: at for at, node in enumerate(graph.order)}
    assert all(rank[d] < rank[n] for d, n in oracle.edges if n in rank)
    for problem in problems:
        path = problem.message.partition(": ")[2].split(" -> ")
        assert path[0] == path[-1]
        assert all(oracle.has_edge(int(a[1:]), int(b[1:])) for a, b in itertools.pairwise(path))


@given(graphs, st.sampled_from([1, 2, 2048]))
def test_who_is_upstream_agrees_with_networkx(dependencies: list[list[int]], block: int) -> None:
    names = [f"n{at}" for at in range(len(dependencies))]
    acyclic = [[each for each in listed if each < at] for at, listed in enumerate(dependencies)]
    graph, _ = build_from(
        [outline(names[at], [names[each] for each in listed]) for at, listed in enumerate(acyclic)]
    )
    oracle = nx.DiGraph()
    oracle.add_nodes_from(range(len(names)))
    oracle.add_edges_from((d, n) for n, listed in enumerate(acyclic) for d in listed)
    size = range(len(names))
    pairs = {(node, other) for node in size for other in size}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wfcore.workflow.graph._BLOCK", block)
        wrong = graph.not_upstream(pairs)
    ancestors = {(n, a) for n in oracle for a in nx.ancestors(oracle, n)}
    assert wrong == pairs - ancestors


def test_nothing_is_said_of_nodes_whose_ancestors_are_not_all_known() -> None:
    graph, _ = build(a=[], b=["zzz"], c=["b"], d=["c"], e=["a"], f=["g"], g=["f"])
    nodes = graph.position
    pairs = {(nodes[name], nodes["a"]) for name in "bcdf"} | {(nodes["e"], nodes["c"])}
    assert graph.not_upstream(pairs) == {(nodes["e"], nodes["c"])}
