"""Configs against the models of their handlers, before anything is rendered."""

from typing import Any

import pytest

from tests.proof.broken import Clumsy
from tests.proof.handlers import FETCH, document, node, prove, refusal
from wfcore.engine.proof import Prover
from wfcore.plugins.registry import Registry
from wfcore.templating import Templating
from wfcore.workflow.limits import Limits


def config(handler: str, **values: Any) -> list[tuple[str, str]]:
    used = document(FETCH, node("n", handler, "posts", config=values))
    return [(each.code, each.pointer.removeprefix("/dag/nodes/1/config")) for each in refusal(used)]


T = "{{ posts.output.count }}"


@pytest.mark.parametrize(
    "values",
    [
        {"url": "http://x", "retries": 3, "headers": {"a": "b"}, "mode": "slow"},
        {"url": "http://x/" + T},
        {"url": T, "retries": T, "headers": T, "mode": T},
        {"url": "http://x", "headers": {"a": T, "b": "c"}},
    ],
)
def test_sound_literals_and_templates_anywhere_are_taken(values: dict[str, Any]) -> None:
    assert config("fetch", **values) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [("config.missing_key", "")]),
        ({"url": 1}, [("config.invalid", "/url")]),
        ({"url": "ftp://x"}, [("config.invalid", "/url")]),
        ({"url": T, "retries": -1}, [("config.invalid", "/retries")]),
        ({"url": T, "mode": "fats"}, [("config.invalid", "/mode")]),
        ({"url": T, "headers": {"a": T, "b/c": 1}}, [("config.invalid", "/headers/b~1c")]),
        ({"url": T, "headers": [T]}, [("config.invalid", "/headers")]),
    ],
)
def test_wrong_literals_are_told_in_place_whatever_is_templated(values: Any, expected: Any) -> None:
    assert config("fetch", **values) == expected


def test_unknown_keys_are_refused_although_the_model_would_ignore_them() -> None:
    [problem] = refusal(document(node("n", "fetch", config={"url": "http://x", "haeders": {}})))
    assert (problem.code, problem.pointer) == (
        "config.unknown_key",
        "/dag/nodes/0/config/haeders",
    )
    assert problem.message == '"fetch" takes no "haeders"'
    assert problem.hint == 'did you mean "headers"?'


def test_a_handler_without_config_takes_none() -> None:
    [problem] = refusal(document(node("n", "bare", config={"x": 1})))
    assert (problem.code, problem.hint) == ("config.unknown_key", "it takes no config")


def test_a_model_that_allows_more_takes_more() -> None:
    assert config("open", anything={"goes": [1, T]}) == []


def test_aliases_are_the_keys_of_a_config() -> None:
    assert config("mixed", **{"as": "x"}) == []
    assert config("mixed", aliased="x") == [("config.unknown_key", "/aliased")]


def test_a_union_is_told_as_one_problem() -> None:
    assert config("mixed", value="x") == [("config.invalid", "/value")]
    assert config("mixed", value=[1, "x"]) == [("config.invalid", "/value")]


def test_a_template_may_satisfy_any_branch_of_a_union() -> None:
    assert config("mixed", value=T) == []
    assert config("mixed", value=[1, T]) == []


def test_models_inside_a_config_are_checked() -> None:
    assert config("mixed", pair={"low": 1}) == []
    assert config("mixed", pair={"low": T, "high": 3}) == []
    assert config("mixed", pair={}) == [("config.missing_key", "/pair")]
    assert config("mixed", pair={"low": 1, "mid": T}) == [("config.unknown_key", "/pair/mid")]


def test_what_compares_fields_waits_for_templates_beside_it() -> None:
    assert config("mixed", low=11) == [("config.invalid", "")]
    assert config("mixed", low=11, high=T) == []


def test_raw_values_are_literals() -> None:
    assert config("mixed", raw="{{ not a template") == []
    assert config("mixed", raw=1) == [("config.invalid", "/raw")]


def test_a_model_that_raises_anything_else_refuses_the_node_and_says_so() -> None:
    by = Prover(Registry(handlers={"clumsy": Clumsy()}), Templating(), Limits())
    [problem] = refusal(document(node("n", "clumsy", config={"x": 1})), by)
    assert (problem.code, problem.pointer) == ("plugin.failed", "/dag/nodes/0/config")
    assert 'the config of "clumsy" raised KeyError' in problem.message
    assert "n" in prove(document(node("n", "clumsy", config={"x": 2})), by).nodes


def test_very_many_wrong_values_in_one_config_are_told_as_one() -> None:
    wrong = {f"k{at}": at for at in range(5_000)}
    [problem] = refusal(document(node("n", "fetch", config={"url": "http://x", "headers": wrong})))
    assert problem.message == "5000 values in it are wrong"
