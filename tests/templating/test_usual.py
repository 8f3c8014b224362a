"""What is read without Jinja's lexer and parser is the tree that these would give."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings
from jinja2 import nodes
from jinja2.lexer import operators

from wfcore.templating import TemplateLimits, TemplateProblem, Templating
from wfcore.templating.grammar import Sandbox
from wfcore.templating.tree import read_usual

LIMITS = TemplateLimits()

_WORDS = st.sampled_from(
    [
        *("n5", "output", "upper", "default", "nodes", "loop", "range", "_", "A1", "not", "true"),
        *("none", "False", "and", "or", "in", "is", "if", "else", "elif", "endif", "raw", "é"),
    ]
)
_BLANKS = st.sampled_from(["", "", "", " ", " ", "\t", "  ", "\n", "\r\n", "\u00a0", "-", "+"])
_LITERALS = st.sampled_from(
    [
        *(
            "'x'",
            '"it\'s"',
            "''",
            "', '",
            "'é{}|)('",
            "'a\\n'",
            "'a\nb'",
            "'}}'",
            "'%}'",
            "0",
            "12",
        ),
        *(
            "007",
            "1_0",
            "0x1",
            "999999999",
            "9999999999",
            "1.5",
            "-1",
            "true",
            "x",
            "k=1",
            "'a' 'b'",
        ),
    ]
)
_STEPS = st.one_of(
    _WORDS.map(".{}".format),
    _LITERALS.map("[{}]".format),
    st.sampled_from(["[ 0 ]", ". a", ".0", "[0:1]", "['a-b']", "()"]),
)
_ARGUMENTS = st.lists(_LITERALS, max_size=3).flatmap(
    lambda each: st.sampled_from(
        [f"({','.join(each)})", f"({', '.join(each)})", f"({' '.join(each)},)"]
    )
)
_FILTERS = st.builds(
    "{}|{}{}{}".format, _BLANKS, _BLANKS, _WORDS, st.one_of(st.just(""), _ARGUMENTS)
)
_EXPRESSIONS = st.builds(
    lambda root, steps, filters: root + "".join(steps) + "".join(filters),
    _WORDS,
    st.lists(_STEPS, max_size=3),
    st.lists(_FILTERS, max_size=2),
)
_TAGS = st.one_of(
    st.builds("{{{{{}{}{}}}}}".format, _BLANKS, _EXPRESSIONS, _BLANKS),
    st.builds("{{%{}if {}{}%}}".format, _BLANKS, _EXPRESSIONS, _BLANKS),
    st.builds("{{%{}{}{}%}}".format, _BLANKS, st.sampled_from(["else", "endif"]), _BLANKS),
    st.sampled_from(["{% elif a %}", "{% raw %}", "{% endraw %}", "{# {{ a }} #}", "{{}}", "{%%}"]),
)
_TEXTS = st.one_of(
    st.sampled_from([" a ", "\n", "\r\n", "\r", "{", "}", "%", "}}", "%}", "#}", "{#", "{%", "{{"]),
    st.text(alphabet="a {}%#'\"|-\n\r\u2028", max_size=5),
)
_FREE = st.lists(st.one_of(_TAGS, _TEXTS), max_size=6).map("".join)

_PLAIN_TEXTS = st.sampled_from(["", " a ", "\n", "\r\n\n", "}", " { ", "%}", "}}", "\u2028"])
_GOOD = st.sampled_from(
    [
        *(
            "n5.output.value",
            "n5.output.value | upper",
            "n5['a-b'][0].c",
            "nodes['a'].output|trim|d('x')",
        ),
        *("a.b | join(', ') | truncate(80, 1)", "a[\"}}\"] | default('%}')", "execution.id | f()"),
    ]
)
_USUAL = st.recursive(
    st.one_of(_PLAIN_TEXTS, _GOOD.map("{{{{ {} }}}}".format)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, _GOOD, inner),
        st.builds("{{% if {} %}}{}{{%else%}}{}{{%endif %}}".format, _GOOD, inner, inner),
    ),
    max_leaves=8,
)
_LIMITS = st.one_of(
    st.just(LIMITS),
    st.builds(
        lambda parts, nesting: TemplateLimits(max_parts=parts, max_nesting=nesting),
        st.sampled_from([1, 3, 8, 2_000]),
        st.sampled_from([1, 2, 3, 4, 32]),
    ),
)


def _spelt(part: Any) -> Any:
    """Return a tree in plain types, with everything that is in it."""
    if isinstance(part, nodes.Node):
        fields = [_spelt(getattr(part, name)) for name in part.fields]
        return type(part).__name__, part.lineno, fields
    return [_spelt(each) for each in part] if isinstance(part, list) else part


@settings(max_examples=1_000)
@given(st.one_of(_FREE, _USUAL), _LIMITS)
@example("{{{ a.b | upper }}", LIMITS)
@example("{{% if a %}{% endif %}", LIMITS)
@example("{{ a['b\nc'] }}{{ d }}", LIMITS)
@example("{{ a | f('\r') }}{{ d }}", LIMITS)
@example("{% if a %}{% else %}{% else %}{% endif %}", LIMITS)
@example("{# {% if a %} #}{% endif %}", LIMITS)
@example("{% if a %}{% raw %}{% endif %}{% endraw %}{% endif %}", LIMITS)
@example("a\r\n{{ b | upper }}\n\n{% if c %}\r{{ d }}{% endif %}\n{{ e }}", LIMITS)
def test_the_tree_is_the_one_that_jinja_gives(source: str, limits: TemplateLimits) -> None:
    usual = read_usual(source, limits)
    assert usual is None or _spelt(usual) == _spelt(Sandbox(limits).read(source))


@settings(max_examples=200)
@given(_USUAL)
def test_usual_templates_are_read_without_jinja(source: str) -> None:
    assert read_usual(source, LIMITS) is not None


@pytest.mark.parametrize("sign", sorted(operators))
@pytest.mark.parametrize(
    "form", ["{{{{ a {} b }}}}", "{{{{ a{}b | f }}}}", "{{% if {} a %}}{{% endif %}}"]
)
def test_every_operator_is_left_to_jinja_or_means_the_same(form: str, sign: str) -> None:
    source = form.format(sign)
    usual = read_usual(source, LIMITS)
    assert usual is None or _spelt(usual) == _spelt(Sandbox(LIMITS).read(source))


def test_what_is_wrong_in_a_usual_template_is_told_with_its_line() -> None:
    with pytest.raises(TemplateProblem) as caught:
        Templating(LIMITS).parse("one\ntwo {{ a | uper }}", "/here")
    assert caught.value.problem.code == "template.filter"
    assert caught.value.problem.message.startswith("line 2: ")
    assert caught.value.problem.hint == 'did you mean "upper"?'
