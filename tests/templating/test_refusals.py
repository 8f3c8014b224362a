import pytest

from wfcore.problems import Problem
from wfcore.templating import TemplateLimits, TemplateProblem, Templating


def _problem(source: str, templating: Templating) -> Problem:
    with pytest.raises(TemplateProblem) as caught:
        templating.parse(source, "/config/prompt")
    assert caught.value.problem.pointer == "/config/prompt"
    return caught.value.problem


@pytest.mark.parametrize(
    ("source", "code", "message", "hint"),
    [
        ("{{ a.output.b", "syntax", "unexpected end of template", None),
        ("{{ }}", "syntax", "Expected an expression", None),
        ("{% if a %}", "syntax", "looking for the following tags", None),
        ("{% endfor %}", "syntax", "unknown tag 'endfor'", None),
        ("{{ 'a }}", "syntax", "unexpected char", None),
        ("a\n\n{{ b | }}", "syntax", "line 3: expected token 'name'", None),
        ("{% fro x in y %}", "tag", "there is no tag `fro`", 'did you mean "for"?'),
        (
            "{% macro m() %}{% endmacro %}",
            "tag",
            "there is no tag `macro`",
            "the tags are for, if, set and raw",
        ),
        ("{% set x | upper %}a{% endset %}", "tag", "a filter cannot stand in the set tag", None),
        ("{{ a | uper }}", "filter", "there is no filter `uper`", 'did you mean "upper"?'),
        ("{{ a | foo.bar }}", "filter", "there is no filter `foo.bar`", None),
        ("{{ a | map('uper') }}", "filter", "there is no filter `uper`", 'did you mean "upper"?'),
        ("{{ a | select('od') }}", "test", "there is no test `od`", 'did you mean "odd"?'),
        (
            "{{ a | selectattr('x', 'eqq', 1) }}",
            "test",
            "there is no test `eqq`",
            'did you mean "eq"?',
        ),
        ("{{ a is difined }}", "test", "there is no test `difined`", 'did you mean "defined"?'),
        (
            "{{ a.b | truncate(lenght=3) }}",
            "arguments",
            "the filter `truncate`",
            'did you mean "length"?',
        ),
        ("{{ a.b | replace('x') }}", "arguments", "missing a required argument: 'new'", None),
        ("{{ a.b | upper(1) }}", "arguments", "too many positional arguments", None),
        ("{{ a.b | replace }}", "arguments", "missing a required argument: 'old'", None),
        ("{{ a.b | round(precision=1, precision=2) }}", "arguments", "`precision` twice", None),
        ("{{ a.b | join(*a.c) }}", "arguments", "cannot be unpacked", None),
        ("{{ a is divisibleby }}", "arguments", "missing a required argument", None),
        ("{{ rnage(3) }}", "function", "there is no function `rnage`", 'did you mean "range"?'),
        ("{{ range }}", "call", "`range` is a function", None),
        (
            "{{ a.b.upper() }}",
            "call",
            "values have no methods",
            'use a filter; did you mean "upper"?',
        ),
        ("{{ a.b.keys() }}", "call", "values have no methods", "use a filter"),
        ("{{ a() }}", "function", "there is no function `a`", None),
        ("{{ 'x'.upper }}", "attribute", "a literal has no `upper`; use a filter", None),
        ("{{ [1].append }}", "attribute", "a literal has no `append`", None),
        (
            "{{ nodes }}",
            "nodes",
            "`nodes` takes a constant node id",
            "write nodes['the-id'].output",
        ),
        ("{{ nodes[a.output.x] }}", "nodes", "`nodes` takes a constant node id", None),
        ("{{ nodes[0] }}", "nodes", "`nodes` takes a constant node id", None),
        ("{{ nodes['execution'] }}", "nodes", "`nodes` takes a constant node id", None),
        ("{{ loop.index }}", "loop", "`loop` stands only inside a for", None),
        (
            "{% for i in a %}{{ loop.idx }}{% endfor %}",
            "loop",
            "`loop` has no `idx`",
            'did you mean "index"?',
        ),
        ("{% for i in a %}{{ loop }}{% endfor %}", "loop", "`loop` is no value by itself", None),
        ("{% for i in a recursive %}{% endfor %}", "loop", "a loop cannot be recursive", None),
        ("{% set nodes = 1 %}", "variable", "`nodes` has a meaning of its own", None),
        ("{% for range in a %}{% endfor %}", "variable", "`range` has a meaning of its own", None),
        ("{% set a.b = 1 %}", "variable", "only variables can be set", None),
        ("{{ 9223372036854775808 }}", "number", "more than 64 bits", None),
        ("{{ 1e999 }}", "number", "a number is too large", None),
        ("{{ " + "9" * 5000 + " }}", "syntax", "a number is too large", None),
        ("{{ '\\ud800' }}", "text", "a lone surrogate", None),
        ("{{ " + "(" * 40 + "1" + ")" * 40 + " }}", "too_complex", "nested deeper than 32", None),
        ("{{ " + "+".join("1" * 200) + " }}", "too_complex", "more than 100 operations", None),
        ("{{ [" + ",".join("1" * 2500) + "] }}", "too_complex", "more than 2,000 parts", None),
        ("{{ a" + ".b" * 2500 + " }}", "too_complex", "more than 2,000 parts", None),
        ("{{ a }}" + "x" * 70_000, "too_large", "has 70,007 bytes, more than 65,536", None),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(
    source: str, code: str, message: str, hint: str | None, templating: Templating
) -> None:
    problem = _problem(source, templating)
    assert problem.code == f"template.{code}"
    assert message in problem.message
    if hint is not None:
        assert problem.hint == hint


@pytest.mark.parametrize(
    "tag",
    [
        "include",
        "import",
        "from",
        "extends",
        "macro",
        "call",
        "filter",
        "block",
        "with",
        "autoescape",
        "print",
        "do",
        "trans",
        "debug",
        "break",
        "continue",
    ],
)
def test_every_tag_of_jinja_but_for_if_set_raw_is_refused(tag: str, templating: Templating) -> None:
    problem = _problem(f"{{% {tag} x %}}{{% end{tag} %}}", templating)
    assert problem.code == "template.tag"


@pytest.mark.parametrize(
    "name",
    [
        "attr",
        "center",
        "escape",
        "e",
        "filesizeformat",
        "forceescape",
        "format",
        "groupby",
        "indent",
        "pprint",
        "random",
        "safe",
        "slice",
        "striptags",
        "urlize",
        "wordcount",
        "wordwrap",
        "xmlattr",
    ],
)
def test_filters_of_jinja_that_are_not_allowed_do_not_exist(
    name: str, templating: Templating
) -> None:
    assert _problem(f"{{{{ a | {name} }}}}", templating).code == "template.filter"
    assert _problem(f"{{{{ a | map('{name}') }}}}", templating).code == "template.filter"


@pytest.mark.parametrize("name", ["callable", "sameas", "escaped", "filter", "test", "lower"])
def test_tests_of_jinja_that_are_not_allowed_do_not_exist(
    name: str, templating: Templating
) -> None:
    assert _problem(f"{{{{ a is {name} }}}}", templating).code == "template.test"


def test_bounds_are_settings() -> None:
    templating = Templating(TemplateLimits(max_source_bytes=40, max_nesting=2, max_parts=6))
    assert templating.parse("{{ a.b.c | upper }}", "").references
    assert _problem("{{ (((1))) }}", templating).code == "template.too_complex"
    assert _problem("{{ a.b.c.d.e.f.g }}", templating).code == "template.too_complex"
    assert _problem("{{ a + b + c + d }}", templating).code == "template.too_complex"
    assert _problem("é" * 21 + "{{ a }}", templating).code == "template.too_large"
