"""What a proved document becomes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.handlers import FETCH, document, node, prove
from wfcore.store.contract import Edge, EdgeKind
from wfcore.templating import Scope

ROOT = Path(__file__).parents[2]


def edge(key: str, deps: int, need: int, handler: str = "bare", queue: str = "default") -> Edge:
    return Edge(key, EdgeKind.OK, deps, need, queue, handler)


def test_a_plan_says_of_each_node_what_running_it_takes() -> None:
    plan = prove(
        document(
            FETCH,
            node(
                "sum",
                "mixed",
                "posts",
                when="{{ posts.output.count > 1 }}",
                config={"value": "{{ posts.output.count }}", "as": "{{ execution.name }}"},
                timeout=5,
                retry={"max_attempts": 2},
                on_error="continue",
            ),
            labels={"team": "x"},
            timeout=60,
            input_schema={"type": "object"},
        )
    )
    assert (plan.hash, plan.name, plan.labels, plan.timeout) == ("hash", "w", {"team": "x"}, 60)
    assert plan.input_schema == {"type": "object"}
    posts, last = plan.nodes.values()
    assert (posts.key, posts.handler, posts.queue, posts.position) == ("posts", "fetch", "slow", 0)
    assert (posts.deps, posts.need, posts.when, posts.dependencies) == (1, 1, None, ())
    assert posts.edges == (edge("sum", 1, 1, "mixed"),)
    assert posts.config.render(Scope({})) == {"url": "http://x"}
    assert (posts.needs, posts.needs_execution, posts.gives_result) == ((), False, False)
    assert (last.needs, last.needs_execution, last.gives_result) == (("posts",), True, True)
    assert (last.timeout, last.on_error, last.dependencies) == (5, "continue", ("posts",))
    assert last.retry is not None
    assert last.retry.max_attempts == 2
    scope = Scope({"posts": {"output": {"count": 3}}, "execution": {"name": "w"}})
    assert last.config.render(scope) == {"value": 3, "as": "w"}
    assert last.when is not None
    assert last.when.render(scope) is True


def test_edges_carry_the_thresholds_of_each_join() -> None:
    plan = prove(
        document(
            node("a"),
            node("b"),
            node("all", "bare", "a", "b"),
            node("done", "bare", "a", "b", join="all_done"),
            node("any", "bare", "a", "b", join="any_success"),
            node("lonely", join="any_success"),
        )
    )
    expected = (edge("all", 2, 2), edge("done", 2, 2), edge("any", 2, 1))
    assert plan.nodes["a"].edges == plan.nodes["b"].edges == expected
    assert plan.roots == (edge("a", 1, 1), edge("b", 1, 1), edge("lonely", 1, 1))


def test_nodes_stand_in_the_order_of_the_document_whatever_their_dependencies() -> None:
    plan = prove(document(node("c", "bare", "a"), node("a")))
    assert list(plan.nodes) == ["c", "a"]
    assert [each.position for each in plan.nodes.values()] == [0, 1]


def test_results_are_those_of_the_nodes_that_give_them_else_of_the_sinks() -> None:
    last = node("z", "bare", "a")
    assert prove(document(node("a"), last)).results == ("z",)
    assert prove(document(node("a", "mixed"), last, node("m", "mixed"))).results == ("a", "m")


@pytest.mark.parametrize(("when", "rendered"), [(False, False), ("{{ true }}", True)])
def test_a_condition_is_a_literal_or_an_expression(when: bool | str, rendered: bool) -> None:
    condition = prove(document(node("a", when=when))).nodes["a"].when
    assert condition is not None
    assert condition.render(Scope({})) is rendered


def test_a_condition_that_is_true_is_no_condition() -> None:
    assert prove(document(node("a", when=True))).nodes["a"].when is None


def test_raw_keys_are_not_rendered() -> None:
    plan = prove(document(node("a", "mixed", config={"raw": "{{ nobody }} {%"})))
    assert plan.nodes["a"].config.literal
    assert plan.nodes["a"].needs == ()


def test_distant_ancestors_are_needed_too() -> None:
    text = "{{ a.state }} {{ nodes['b-c'].state }} {{ a.output }}"
    plan = prove(
        document(node("a"), node("b-c", "bare", "a"), node("d", "open", "b-c", config={"t": text}))
    )
    assert plan.nodes["d"].needs == ("a", "b-c")


def test_proving_a_sound_document_loads_neither_networkx_nor_a_schema_validator() -> None:
    script = (
        "import sys; from tests.proof.handlers import *; prove(document(FETCH, node('a')));"
        "print(*({'networkx', 'jsonschema_rs', 'httpx'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""
