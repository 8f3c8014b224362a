import math
from typing import Any

import pytest
from jinja2 import pass_context

from wfcore.errors import PluginError
from wfcore.templating import Reference, RenderError, Scope, TemplateProblem, Templating


def shout(value: str, mark: str = "!", *, times: int = 1) -> str:
    return value.upper() + mark * times


def broken(value: Any) -> Any:
    raise KeyError("boom")


def impossible(value: Any) -> Any:
    return {1, 2}


def palindrome(value: str) -> bool:
    return value == value[::-1]


def greet(name: str = "you") -> dict[str, str]:
    return {"text": f"hello {name}"}


@pytest.fixture(scope="module")
def plugged() -> Templating:
    return Templating(
        filters={"shout": shout, "broken": broken, "impossible": impossible, "root": math.sqrt},
        tests={"palindrome": palindrome},
        globals={"greet": greet, "company": {"name": "Acme", "cities": ("A", "B")}, "pi": 3.14},
    )


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ 'a' | shout }}", "A!"),
        ("{{ 'a' | shout('?', times=2) }}", "A??"),
        ("{{ ['a', 'b'] | map('shout') }}", ["A!", "B!"]),
        ("{{ 9 | root }}", 3.0),
        ("{{ 'abba' is palindrome }}", True),
        ("{{ ['abba', 'ab'] | select('palindrome') }}", ["abba"]),
        ("{{ greet('Ada').text }}", "hello Ada"),
        ("{{ company.name }} {{ pi }}", "Acme 3.14"),
        ("{{ company.cities }}", ["A", "B"]),
        ("{{ nodes['company'].output }}", "a node"),
    ],
)
def test_plugins_add_words(source: str, value: Any, plugged: Templating) -> None:
    scope = Scope({"company": {"output": "a node"}})
    assert plugged.compile(source, "").render(scope) == value


def test_a_plugins_word_is_no_reference(plugged: Templating) -> None:
    assert plugged.global_names == {"range", "greet", "company", "pi"}
    assert plugged.parse("{{ company.name }}", "").references == ()
    assert plugged.parse("{{ nodes.company.output }}", "").references == (
        Reference("company", ("output",)),
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ 1 | broken }}", "the filter `broken` failed: KeyError('boom')"),
        ("{{ 1 | impossible }}", "the filter `impossible` failed: a set is no JSON value"),
        ("{{ 1 | shout }}", "the filter `shout` failed: AttributeError"),
        ("{{ company.nam }}", "`company` has no `nam`; did you mean `name`?"),
    ],
)
def test_a_failing_plugin_fails_its_node_alone(
    source: str, message: str, plugged: Templating
) -> None:
    with pytest.raises(RenderError) as caught:
        plugged.compile(source, "/p").render(Scope({}))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        ("{{ 'a' | shuot }}", "template.filter", 'did you mean "shout"?'),
        ("{{ 'a' | shout(tmes=2) }}", "template.arguments", 'did you mean "times"?'),
        ("{{ gret() }}", "template.function", 'did you mean "greet"?'),
        ("{{ greet }}", "template.call", None),
        ("{{ company.x() }}", "template.call", "use a filter"),
        ("{% set company = 1 %}", "template.variable", None),
    ],
)
def test_plugins_words_are_checked_like_ours(
    source: str, code: str, hint: str | None, plugged: Templating
) -> None:
    with pytest.raises(TemplateProblem) as caught:
        plugged.parse(source, "/p")
    assert (caught.value.problem.code, caught.value.problem.hint) == (code, hint)


@pass_context
def with_context(context: Any, value: Any) -> Any:
    return value


async def later(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"filters": {"upper": shout}}, "the filter 'upper' is built in"),
        ({"tests": {"defined": palindrome}}, "the test 'defined' is built in"),
        ({"globals": {"range": greet}}, "the function 'range' is built in"),
        ({"globals": {"nodes": 1}}, "'nodes' cannot be the name of a global"),
        ({"globals": {"execution": greet}}, "'execution' cannot be the name of a function"),
        ({"filters": {"no name": shout}}, "'no name' cannot be the name of a filter"),
        ({"filters": {"x": with_context}}, "asks for Jinja's context"),
        ({"filters": {"x": later}}, "is async"),
        ({"globals": {"x": {1}}}, "the global 'x' is no JSON value"),
        ({"globals": {"x": math.nan}}, "the global 'x' is no JSON value"),
    ],
)
def test_words_that_cannot_be_had_are_refused_at_the_start(
    words: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        Templating(**words)
