import threading
from typing import Any

import pytest

from wfcore.templating import RenderError, Scope, TemplateLimits, TemplateProblems, Templating


def test_a_config_is_rendered_whole(templating: Templating, scope: Scope) -> None:
    config: Any = {
        "url": "https://x/{{ get_posts.output.count }}",
        "headers": {"X": "{{ execution.id }}", "Y": "plain"},
        "list": [1, "{{ get_posts.output.object }}", ["{{ 1 + 1 }}", None]],
        "number": 5,
        "{{ key }}": "left alone",
    }
    compiled = templating.compile(config, "/c")
    assert compiled.render(scope) == {
        "url": "https://x/2",
        "headers": {"X": "e-1", "Y": "plain"},
        "list": [1, {"b": 2, "a": 1}, [2, None]],
        "number": 5,
        "{{ key }}": "left alone",
    }
    assert compiled.literal is False
    assert compiled.templated == {"/url", "/headers/X", "/list/1", "/list/2/0"}


@pytest.mark.parametrize("value", [1, None, True, "text", "a { b } c", {"a": ["b", {}]}, []])
def test_a_value_without_templates_is_literal(value: Any, templating: Templating) -> None:
    compiled = templating.compile(value, "/c")
    assert compiled.literal
    assert not compiled.heavy
    assert compiled.references == ()
    assert compiled.render(Scope({})) == value


def test_raw_keys_are_left_alone(templating: Templating) -> None:
    config: Any = {"body": {"t": "{{ broken"}, "url": "{{ 1 }}", "in": {"body": "{{ 2 }}"}}
    compiled = templating.compile(config, "/c", raw={"body"})
    assert compiled.render(Scope({})) == {"body": {"t": "{{ broken"}, "url": 1, "in": {"body": 2}}
    assert compiled.templated == {"/url", "/in/body"}


def test_all_problems_of_a_config_come_at_once(templating: Templating) -> None:
    config: Any = {
        "a": "{{ x",
        "b": ["{{ y | uper }}", "{{ fine.output }}"],
        "c": "{% include 'x' %}",
    }
    with pytest.raises(TemplateProblems) as caught:
        templating.compile(config, "/dag/nodes/0/config")
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [
        ("/dag/nodes/0/config/a", "template.syntax"),
        ("/dag/nodes/0/config/b/0", "template.filter"),
        ("/dag/nodes/0/config/c", "template.tag"),
    ]


def test_the_same_template_is_reported_at_each_of_its_places(templating: Templating) -> None:
    with pytest.raises(TemplateProblems) as caught:
        templating.compile(["{{ x | uper }}", "{{ x | uper }}"], "/c")
    assert [problem.pointer for problem in caught.value.problems] == ["/c/0", "/c/1"]
    compiled = templating.compile(["{{ x.gone }}"], "/first")
    again = templating.compile(["{{ x.gone }}"], "/second")
    for one, pointer in ((compiled, "/first/0"), (again, "/second/0")):
        with pytest.raises(RenderError) as failed:
            one.render(Scope({"x": {}}))
        assert failed.value.details["pointer"] == pointer


@pytest.mark.parametrize("value", [True, False, None, 3, [1], "{{ a.output.ok }}", "{{- 1 -}}"])
def test_an_expression_is_a_literal_or_one_pair_of_braces(
    value: Any, templating: Templating
) -> None:
    compiled = templating.expression(value, "/when")
    scope = Scope({"a": {"output": {"ok": False}}})
    wanted = {"{{ a.output.ok }}": False, "{{- 1 -}}": 1}.get(str(value), value)
    assert compiled.render(scope) == wanted
    assert compiled.literal is not isinstance(value, str)


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "",
        "x {{ a.b }}",
        "{{ a.b }} ",
        "{{ a.b }}{{ a.b }}",
        "{% if a.b %}1{% endif %}",
        "{# c #}",
    ],
)
def test_text_is_no_expression(value: str, templating: Templating) -> None:
    with pytest.raises(TemplateProblems) as caught:
        templating.expression(value, "/when")
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == ("template.not_an_expression", "/when")


@pytest.mark.parametrize(
    ("source", "heavy"),
    [
        ("{{ a.output.b }}", False),
        ("x {{ a.output.b }} y", False),
        ("{{ a.output.b | default('x') | upper }}", False),
        ("{% if a.output.b == 1 %}x{% endif %}", False),
        ("{% for x in a.output.b %}{% endfor %}", True),
        ("{{ a.output.b | sort }}", True),
        ("{{ a.output.b | map('upper') }}", True),
        ("{{ range(3) }}", True),
        ("{{ a.output.b is in [1] }}", True),
        ("{{ " + "a.b and " * 40 + "1 }}", True),
    ],
)
def test_what_may_take_long_says_so(source: str, heavy: bool, templating: Templating) -> None:
    assert templating.compile({"k": source}, "").heavy is heavy


def test_one_template_is_rendered_by_many_threads_at_once(templating: Templating) -> None:
    source = "{% for x in a.output %}{% set y = x * 2 %}{{ loop.index }}:{{ y }} {% endfor %}"
    compiled = templating.compile(source, "")
    results: dict[int, Any] = {}

    def render(size: int) -> None:
        results[size] = compiled.render(Scope({"a": {"output": list(range(size))}}))

    threads = [threading.Thread(target=render, args=(size,)) for size in range(500, 520)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for size, text in results.items():
        assert text == "".join(f"{i + 1}:{i * 2} " for i in range(size))
    assert len(results) == 20


def test_rendering_holds_to_its_own_limits() -> None:
    templating = Templating(TemplateLimits(max_output_bytes=10, max_operations=50))
    scope = Scope({"a": {"output": {"short": "12345678", "wide": "ü" * 5, "list": [1] * 30}}})
    assert templating.compile("{{ a.output.short }}", "").render(scope) == "12345678"
    for source in ("{{ a.output.wide }}", "{{ a.output.list }}", "x {{ a.output.short }} y"):
        with pytest.raises(RenderError, match="10"):
            templating.compile(source, "/p").render(scope)
    with pytest.raises(RenderError, match="more than 50 operations"):
        templating.compile("{% for i in a.output.list %}{{ '' }}{% endfor %}", "").render(scope)


def test_processor_time_is_bounded_too() -> None:
    templating = Templating(TemplateLimits(max_cpu_seconds=0, max_operations=10**9))
    with pytest.raises(RenderError, match="take more than 0 ms"):
        templating.compile(
            "{% for a in range(9999) %}{% for b in range(99) %}{{ '' }}{% endfor %}{% endfor %}", ""
        ).render(Scope({}))


def test_data_that_is_too_deep_is_not_handed_out(templating: Templating) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    scope = Scope({"a": {"output": deep}})
    for source in ("{{ a.output }}", "x {{ a.output }}", "{{ a.output == 1 }}"):
        with pytest.raises(RenderError, match="nested deeper than 100"):
            templating.compile(source, "").render(scope)
