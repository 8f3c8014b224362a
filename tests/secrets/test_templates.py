"""Where a template may name a secret, and what it may do with it: stand there."""

from typing import Any

import pytest

from wfcore.problems import Problem
from wfcore.templating import Compiled, Scope, TemplateProblems, Templating

TEMPLATING = Templating()
SCOPE = Scope(
    {"secrets": {"KEY": "value", "2FA": "second"}, "a": {"output": {"x": "{{ secrets.KEY }}"}}}
)


def compiled(template: Any, *fields: str) -> Compiled:
    return TEMPLATING.compile({"url": template}, "/config", (), fields or ("url",))


def refusal(template: Any, *fields: str) -> Problem:
    with pytest.raises(TemplateProblems) as refused:
        compiled(template, *fields)
    [problem] = refused.value.problems
    return problem


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ secrets.KEY }}", "value"),
        ("{{secrets.KEY}}", "value"),
        ("{{- secrets.KEY -}}", "value"),
        ("{{ secrets['KEY'] }}", "value"),
        ("{{ secrets['2FA'] }}", "second"),
        ("Bearer {{ secrets.KEY }}", "Bearer value"),
        ("{{ secrets.KEY }}{{ secrets['2FA'] }}", "valuesecond"),
        ("{{ a.output.x | length }}:{{ secrets.KEY }}", "17:value"),
        ("{% if a.output.x %}x{% endif %}{{ secrets.KEY }}", "xvalue"),
        ("{% raw %}{{ secrets.KEY }}{% endraw %}", "{{ secrets.KEY }}"),
        ("{{ a.output.x }} {{ secrets.KEY }}", "{{ secrets.KEY }} value"),
        ("{{ a.output.x }}", "{{ secrets.KEY }}"),
    ],
)
def test_a_secret_stands_in_a_text(template: str, rendered: str) -> None:
    assert compiled(template).render(SCOPE) == {"url": rendered}


@pytest.mark.parametrize("value", [["{{ secrets.KEY }}"], {"a": {"b": ["x {{ secrets.KEY }}"]}}])
def test_a_secret_stands_anywhere_below_its_field(value: Any) -> None:
    assert "value" in str(compiled(value).render(SCOPE))


@pytest.mark.parametrize(
    "template",
    [
        "{{ secrets }}",
        "{{ secrets | tojson }}",
        "{{ secrets | items }}",
        "{{ secrets | length }}",
        "{{ secrets.KEY | upper }}",
        "{{ secrets.KEY | default('x') }}",
        "{{ secrets['KEY'] | reverse }}",
        "{{ (secrets.KEY | list)[0] }}",
        "{{ secrets.KEY[0] }}",
        "{{ secrets.KEY[1:] }}",
        "{{ secrets.KEY.x }}",
        "{{ secrets[a.output.x] }}",
        "{{ secrets[0] }}",
        "{{ secrets[''] }}",
        "{{ secrets['a-b'] }}",
        "{{ secrets['../KEY'] }}",
        "{{ secrets.KEY_HOSTS }}",
        "{{ secrets.KEY ~ 'x' }}",
        "{{ 'x' ~ secrets.KEY }}",
        "{{ secrets.KEY + 'x' }}",
        "{{ secrets.KEY * 2 }}",
        "{{ secrets.KEY == 'x' }}",
        "{{ 'v' in secrets.KEY }}",
        "{{ secrets.KEY is defined }}",
        "{{ secrets.KEY is string }}",
        "{{ secrets.KEY if a.output.x }}",
        "{{ 1 if secrets.KEY else 2 }}",
        "{{ not secrets.KEY }}",
        "{{ secrets.KEY and 1 }}",
        "{{ [secrets.KEY] }}",
        "{{ {'k': secrets.KEY} }}",
        "{{ secrets.KEY, 1 }}",
        "{{ a[secrets.KEY] }}",
        "{{ a.output.x | replace('x', secrets.KEY) }}",
        "{{ range(secrets.KEY) }}",
        "{% if secrets.KEY %}x{% endif %}",
        "{% if true %}{{ secrets.KEY }}{% endif %}",
        "{% if true %}{% else %}{{ secrets.KEY }}{% endif %}",
        "{% for x in [1, 2] %}{{ secrets.KEY }}{% endfor %}",
        "{% for x in secrets.KEY %}{{ x }}{% endfor %}",
        "{% for x in secrets %}{{ x }}{% endfor %}",
        "{% set x = secrets.KEY %}{{ x[0] }}",
        "{% set x %}{{ secrets.KEY }}{% endset %}{{ x[0] }}",
        "{% set x = secrets %}{{ x.KEY }}",
    ],
)
def test_nothing_can_be_done_with_a_secret(template: str) -> None:
    problem = refusal(template)
    assert (problem.code, problem.pointer) == ("template.secret", "/config/url")
    assert problem.hint


@pytest.mark.parametrize(
    "template",
    [
        "{{ nodes.secrets.KEY }}",
        "{{ nodes['secrets'].KEY }}",
        "{{ secrets.KEY() }}",
        "{{ secrets.get('KEY') }}",
        "{% set secrets = 1 %}",
        "{% for secrets in [1] %}{{ secrets }}{% endfor %}",
        "{{ execution.secrets.KEY | x }}",
    ],
)
def test_there_is_no_way_around(template: str) -> None:
    assert refusal(template).code.startswith("template.")


def test_the_way_of_writing_it_is_told() -> None:
    problem = refusal("x {{ secrets.KEY | upper }}")
    assert "`{{ secrets.KEY }}`" in problem.message
    assert "filter" in str(problem.hint)
    problem = refusal("{{ secrets['a-b'] }}")
    assert "letters, digits and `_`" in str(problem.hint)


@pytest.mark.parametrize(
    "template", ["{{ secrets.KEY }}", "a {{ secrets.KEY }}{{ a.output.x | upper }}"]
)
def test_a_secret_stands_only_in_the_fields_that_are_declared(template: str) -> None:
    problem = refusal(template, "token", "ur")
    assert (problem.code, problem.pointer) == ("template.secret", "/config/url")
    assert problem.hint == "its handler takes secrets in token, ur"
    with pytest.raises(TemplateProblems) as refused:
        TEMPLATING.compile({"a": {"url": template}, "url": "x"}, "/config", (), ("url",))
    assert [each.pointer for each in refused.value.problems] == ["/config/a/url"]
    with pytest.raises(TemplateProblems) as refused:
        TEMPLATING.compile({"url": template}, "/config")
    assert "in none of its fields" in str(refused.value)


def test_a_condition_holds_no_secret() -> None:
    for template in ("{{ secrets.KEY }}", "{{ secrets.KEY == 'x' }}"):
        with pytest.raises(TemplateProblems) as refused:
            TEMPLATING.expression(template, "/when")
        assert [each.code for each in refused.value.problems] == ["template.secret"]
