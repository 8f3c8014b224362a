"""Config keys that a trigger replaces."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.proof.handlers import FETCH, document, node, prover
from wfcore.engine.plan import Plan
from wfcore.errors import DocumentRefused
from wfcore.templating import Scope
from wfcore.workflow.graph import Graph
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import copy_value

PROVER = prover()
SEED = PROVER.prove(
    copy_value(
        document(
            FETCH,
            node("other"),
            node("mid", "bare", "posts"),
            node(
                "last",
                "mixed",
                "mid",
                config={"value": "{{ posts.output.count }}", "low": 1},
                when="{{ execution.input.go }}",
            ),
        ),
        Limits(),
    ),
    "hash",
)


def override(**overrides: Any) -> Plan:
    return PROVER.override(SEED, overrides)


def refused(overrides: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(DocumentRefused) as caught:
        PROVER.override(SEED, overrides)
    return [(each.code, each.pointer) for each in caught.value.problems]


def test_whole_keys_are_replaced_and_the_others_stay() -> None:
    plan = override(last={"value": "{{ mid.state }}", "high": 5})
    last = plan.nodes["last"]
    scope = Scope({"mid": {"state": "COMPLETED"}})
    assert last.config.render(scope) == {"value": "COMPLETED", "low": 1, "high": 5}
    assert (last.needs, last.needs_execution) == (("mid",), True)
    assert last.when is SEED.nodes["last"].when


def test_everything_else_is_shared_and_the_plan_before_does_not_change() -> None:
    plan = override(last={"low": 2})
    assert SEED.nodes["last"].config.templated == {"/value"}
    assert all(plan.nodes[key] is SEED.nodes[key] for key in ("posts", "other", "mid"))
    assert plan.roots is SEED.roots
    assert plan.nodes["last"].edges == SEED.nodes["last"].edges


def test_plans_with_other_overrides_have_other_hashes() -> None:
    hashes = {
        SEED.hash,
        override(last={"low": 2}).hash,
        override(last={"low": 3}).hash,
        override(posts={"retries": 2}).hash,
    }
    assert len(hashes) == 4
    assert override(last={"low": 2}).hash == override(last={"low": 2}).hash


def test_overrides_are_checked_like_the_document_with_pointers_into_themselves() -> None:
    overrides = {
        "lasst": {},
        "last": {"colour": 1, "low": "x", "value": "{{ other.output }} {{ nobody.x }}"},
        "posts": ["url"],
        "mid": {"x": "{{"},
    }
    assert refused(overrides) == [
        ("override.unknown_node", "/lasst"),
        ("config.unknown_key", "/last/colour"),
        ("config.invalid", "/last/low"),
        ("reference.unknown_node", "/last/value"),
        ("reference.not_upstream", "/last/value"),
        ("override.type", "/posts"),
        ("template.syntax", "/mid/x"),
        ("config.unknown_key", "/mid/x"),
    ]


def test_an_unknown_node_is_told_with_the_nearest_one() -> None:
    with pytest.raises(DocumentRefused, match='did you mean "last"'):
        override(lasst={})


def test_what_follows_from_two_keys_together_is_told_at_the_node() -> None:
    assert refused({"last": {"low": 9, "high": 8, "value": 1}}) == [("config.invalid", "/last")]


def test_distant_ancestors_may_be_named_and_strangers_may_not() -> None:
    assert override(last={"value": "{{ posts.output.count }}"}).nodes["last"].needs == ("posts",)
    assert refused({"mid": {}, "last": {"value": "{{ last.output }}"}}) == [
        ("reference.not_upstream", "/last/value")
    ]
    assert refused({"posts": {"url": "{{ last.output }}"}}) == [
        ("reference.not_upstream", "/posts/url")
    ]


def chain(length: int) -> Plan:
    nodes = (node(f"n{at}", "open", *[f"n{at - 1}"][: at > 0]) for at in range(length))
    return PROVER.prove(copy_value(document(*nodes), Limits()), "chain")


class _Counted:
    """Counts how many nodes were asked for their dependencies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.walked = 0
        reach = Graph._reach

        def counting(graph: Graph, block: Iterable[int], span: range) -> dict[int, int]:
            self.walked += len(span)
            return reach(graph, block, span)

        monkeypatch.setattr(Graph, "_reach", counting)


def test_all_distant_references_of_a_trigger_are_decided_in_one_walk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = chain(1_000)
    counted = _Counted(monkeypatch)

    PROVER.override(plan, {f"n{at}": {"x": "{{ n0.output }}"} for at in range(2, 1_000)})
    PROVER.override(
        plan, {f"n{at}": {"x": f"{{{{ n{at - 2}.output }}}}"} for at in range(2, 1_000)}
    )

    assert 0 < counted.walked <= 2 * 1_000


def test_every_distant_stranger_of_a_trigger_is_told() -> None:
    plan = chain(10)
    with pytest.raises(DocumentRefused) as caught:
        PROVER.override(plan, {f"n{at}": {"x": "{{ n5.output }}"} for at in (1, 3, 5, 6, 9)})
    assert [each.pointer for each in caught.value.problems] == ["/n1/x", "/n3/x", "/n5/x"]
