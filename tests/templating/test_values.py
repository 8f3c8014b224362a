# ruff: noqa: E501 - a template stands on one line
from typing import Any

import pytest

from tests.templating.conftest import POSTS
from wfcore.templating import RenderError, Scope, Templating


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ get_posts.output.data }}", POSTS),
        ("{{get_posts.output.count}}", 2),
        ("{{ get_posts.output.price }}", 1.5),
        ("{{ get_posts.output.flag }}", True),
        ("{{ get_posts.output.nothing }}", None),
        ("{{- get_posts.output.count -}}", 2),
        ("{# why #}{{ get_posts.output.count }}{# because #}", 2),
        ("{{ get_posts.output.count + 1 }}", 3),
        ("{{ [get_posts.output.count, 'x', {'k': none}] }}", [2, "x", {"k": None}]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ '{{ get_posts }}' }}", "{{ get_posts }}"),
        ("{{ execution.input.customer }}", "Ada"),
        ("{{ failed.error.status }}", 404),
        ("{{ nodes['get-posts'].output.x[-1] }}", 3),
        ("{{ get_posts.output.data[0].author.name }}", "Ann"),
        ("{{ get_posts.output['quoted key'] }}", "q"),
        ("{{ get_posts.output.title[0] }}", "Ü"),
        ("{{ get_posts.output.data.1.id }}", 2),
    ],
)
def test_one_expression_gives_its_own_value(
    source: str, value: Any, templating: Templating, scope: Scope
) -> None:
    rendered = templating.compile(source, "/x").render(scope)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (" {{ get_posts.output.count }}", " 2"),
        ("{{ get_posts.output.count }}\n", "2\n"),
        ("n = {{ get_posts.output.count }}", "n = 2"),
        ("{{ get_posts.output.title }}!", "Ünï!"),
        ("{{ get_posts.output.flag }}/{{ get_posts.output.nothing }}", "true/null"),
        ("x {{ get_posts.output.object }}", 'x {"b":2,"a":1}'),
        ("x {{ ['Ünï', 1.0] }}", 'x ["Ünï",1.0]'),
        ("{% if true %}{{ get_posts.output.count }}{% endif %}", "2"),
        ("{% raw %}{{ get_posts }}{% endraw %}", "{{ get_posts }}"),
        ("a\r\nb {{ get_posts.output.count }}", "a\nb 2"),
        ("}} {{ get_posts.output.count }} }", "}} 2 }"),
    ],
)
def test_mixed_text_is_text_with_values_as_json(
    source: str, text: str, templating: Templating, scope: Scope
) -> None:
    assert templating.compile(source, "/x").render(scope) == text


def test_a_key_named_like_a_method_is_data(templating: Templating, scope: Scope) -> None:
    rendered = templating.compile("{{ get_posts.output.items | upper }}", "/x").render(scope)
    assert rendered == "THE KEY"


def test_rendered_text_is_never_rendered_again(templating: Templating) -> None:
    scope = Scope({"a": {"output": {"b": "{{ a.output.secret }}", "secret": "s"}}})
    for source in ("{{ a.output.b }}", "x {{ a.output.b }}", "{{ a.output.b | trim }} x"):
        rendered = templating.compile(source, "/x").render(scope)
        assert "{{ a.output.secret }}" in str(rendered)


def test_rendered_values_share_nothing_with_the_data(templating: Templating) -> None:
    data: dict[str, Any] = {"b": [{"c": 1}]}
    compiled = templating.compile(["{{ a.output }}", "{{ [a.output.b] }}", {"k": [1]}], "")
    rendered: Any = compiled.render(Scope({"a": {"output": data}}))
    rendered[0]["b"][0]["c"] = rendered[1][0][0]["c"] = 2
    rendered[2]["k"].append(2)
    assert data == {"b": [{"c": 1}]}
    assert compiled.render(Scope({"a": {"output": data}})) == [data, [data["b"]], {"k": [1]}]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for p in get_posts.output.data %}{{ p.title }},{% endfor %}", "Beta,alpha,"),
        ("{% for p in get_posts.output.empty %}x{% else %}none{% endfor %}", "none"),
        ("{% for k, v in get_posts.output.object | items %}{{ k }}{{ v }}{% endfor %}", "b2a1"),
        ("{% for k in get_posts.output.object %}{{ k }}{% endfor %}", "ba"),
        ("{% for c in 'ab' %}{{ c }}.{% endfor %}", "a.b."),
        ("{% for i in range(5) if i is odd %}{{ loop.index }}:{{ i }} {% endfor %}", "1:1 2:3 "),
        ("{% for i in [1] if i > 1 %}x{% else %}none{% endfor %}", "none"),
        (
            "{% for i in 'ab' %}{{ loop.first }}{{ loop.last }}{{ loop.revindex }} {% endfor %}",
            "truefalse2 falsetrue1 ",
        ),
        (
            "{% for i in 'abc' %}{{ loop.previtem | d('-') }}{{ loop.nextitem | d('-') }} {% endfor %}",
            "-b ac b- ",
        ),
        (
            "{% for a in 'ab' %}{% for b in 'xy' %}{{ loop.index }}{% endfor %}/{% endfor %}",
            "12/12/",
        ),
        (
            "{% for a in 'ab' %}{{ loop.index }}{% for b in 'x' %}{% endfor %}{{ loop.index }} {% endfor %}",
            "11 22 ",
        ),
        ("{% set x = 1 %}{% for i in 'ab' %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
        ("{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"),
        ("{% set a, b = [1, 2] %}{{ b }}{{ a }}", "21"),
        ("{% set t %}<{{ get_posts.output.count }}>{% endset %}{{ t }}{{ t }}", "<2><2>"),
        ("{% set t %}{% set y = 1 %}{{ y }}{% endset %}{{ t }}{{ y | default('-') }}", "1-"),
        ("{% if false %}a{% elif get_posts.output.count == 2 %}b{% else %}c{% endif %}", "b"),
        ("{% if false %}a{% elif false %}b{% else %}c{% endif %}", "c"),
        ("{% if false %}a{% endif %}", ""),
        ("a  {%- if true -%}  b  {%- endif %}  c", "ab  c"),
        ("{{ 'yes' if get_posts.output.flag else 'no' }}!", "yes!"),
        (
            "{{ 1 < 2 <= 2 }} {{ 1 in [1] }} {{ 'x' not in 'abc' }} {{ 'b' in {'b': 1} }}",
            "true true true true",
        ),
        (
            "{{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 3 }} {{ 1 / 4 }} {{ -3 + 1 }} {{ +2 }}",
            "3 3 8 0.25 -2 2",
        ),
        ("{{ 'a' ~ 1 ~ none ~ [1] }}", "a1null[1]"),
        ("{{ 'ab' * 2 }} {{ [1] + [2] }} {{ 'a' + 'b' }}", "abab [1,2] ab"),
        ("{{ [1, 2, 3][1:] }} {{ 'abc'[::-1] }}", "[2,3] cba"),
        ("{{ get_posts.output.data[range(2)[1]].title }} {{ {'a': 1}['a'] }}", "alpha 1"),
        ("{{ '' or 'x' }} {{ 0 and 1 }} {{ not [] }}", "x 0 true"),
    ],
)
def test_statements_and_operators_are_those_of_jinja(
    source: str, text: str, templating: Templating, scope: Scope
) -> None:
    assert templating.compile(source, "/x").render(scope) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ 1 + 'a' }}", "`+` cannot be applied to a number and a text"),
        ("{{ 'a' - 1 }}", "`-` cannot be applied to a text and a number"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ (0 - 8) ** 0.5 }}", "no real number"),
        ("{{ 9223372036854775807 + 1 }}", "too large"),
        ("{{ 1e308 * 10 }}", "too large"),
        ("{{ 1 < 'a' }}", "`<` cannot compare a number with a text"),
        ("{{ [1] < ['a'] }}", "cannot compare these lists"),
        ("{{ 1 in 2 }}", "`in` cannot look for a number in a number"),
        ("{% for i in 1 %}{% endfor %}", "a number has no items"),
        ("{% for a, b in [[1]] %}{% endfor %}", "a list of 1 cannot be unpacked into 2 names"),
        ("{% set a, b = 1 %}", "a number cannot be unpacked into 2 names"),
        ("{{ {1: 2} }}", "the keys of an object are texts, not a number"),
        ("{{ [1][[]] }}", "takes a text or a whole number, not a list"),
        ("{{ [1][true] }}", "takes a text or a whole number, not a boolean"),
        ("{{ [1]['a':] }}", "a slice takes whole numbers"),
        ("{{ [1][::0] }}", "a slice cannot have steps of 0"),
        ("{{ 5[1:] }}", "a number cannot be sliced"),
        ("{{ 'x' if false }}", "there is no `else`"),
    ],
)
def test_what_cannot_be_computed_is_an_error_that_says_why(
    source: str, message: str, templating: Templating, scope: Scope
) -> None:
    compiled = templating.compile({"k": [source]}, "/config")
    with pytest.raises(RenderError) as caught:
        compiled.render(scope)
    assert message in caught.value.message
    assert caught.value.type == "TemplateError"
    assert caught.value.retryable is False
    assert caught.value.details["pointer"] == "/config/k/0"
