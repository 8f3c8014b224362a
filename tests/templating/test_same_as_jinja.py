# ruff: noqa: E501 - a template stands on one line
"""Our two ways of rendering give the same, and what Jinja itself gives."""

import json
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.templating.conftest import NAMES
from wfcore.templating import RenderError, Scope, TemplateLimits, TemplateProblems, Templating
from wfcore.templating.budget import Budget
from wfcore.templating.grammar import Sandbox
from wfcore.templating.path import read_plain
from wfcore.templating.template import ProgramTemplate, Template

LIMITS = TemplateLimits()
TEMPLATING = Templating(LIMITS)
SANDBOX = Sandbox(LIMITS)

_NAMES = st.sampled_from(
    ["get_posts", "output", "data", "title", "items", "nothing", "x", "and", "if"]
)
_STEPS = st.one_of(
    _NAMES.map(lambda name: f".{name}"),
    st.sampled_from(
        ["[0]", "[1]", "[00]", "[7]", "['title']", '["data"]', "['quoted key']", "['}}']"]
    ),
    st.sampled_from(["[-1]", ".0", " .data", "[ 0 ]", "['\\x41']", "['a\nb']"]),
)
_GOOD = st.sampled_from(
    [
        "get_posts.output.title",
        "get_posts.output.data[0].author.name",
        "nodes['get-posts'].output.x[1]",
        "execution.id",
        "get_posts.output['quoted key']",
    ]
)
_ROOTS = st.sampled_from(
    [
        *("get_posts.output", "get_posts", "execution", "nodes['get-posts']", "nodes.get_posts"),
        *("nodes", "gone", "true", "not", "none", "loop", "range", "in", "is", "éa", "_", "a1"),
    ]
)
_PATHS = st.builds(lambda root, steps: root + "".join(steps), _ROOTS, st.lists(_STEPS, max_size=4))
_BLANKS = st.sampled_from(["", " ", "\n", "\t ", "\r\n", "\u00a0"])
_MARKS = st.builds(
    lambda path, left, right: "{{" + left + path + right + "}}",
    st.one_of(_GOOD, _PATHS),
    _BLANKS,
    _BLANKS,
)
_TEXTS = st.one_of(
    st.sampled_from(["", "a ", "}", "\n", " }} ", "{ "]),
    st.text(alphabet="a {}%#'\"[].-\n\r0", max_size=6),
)
_SOURCES = st.lists(st.one_of(_MARKS, _TEXTS), max_size=4).map("".join)


def _outcome(template: Template) -> Any:
    try:
        return template.value(NAMES, Budget(LIMITS))
    except RenderError as error:
        return error.message, error.details


@settings(max_examples=400, suppress_health_check=[HealthCheck.filter_too_much])
@given(_SOURCES)
@example("{{{ get_posts.output }}")
@example("{{ get_posts.output }}}")
@example("{{{get_posts.output}}}")
@example("{ {{ get_posts.output }}")
@example("a{{ get_posts.output }}{")
@example("{{ get_posts.output['}}'] }}")
@example("{{ get_posts.output }}{# {{ x }} #}")
@example("\r\n{{ get_posts.output.count }}\r")
@example("{{ get_posts.output.count }}\n")
def test_the_fast_path_means_what_the_full_one_means(source: str) -> None:
    plain = read_plain(source, {"range"}, LIMITS.max_parts)
    assume(plain is not None)
    assert plain is not None
    full = ProgramTemplate(SANDBOX.read(source), TEMPLATING._vocabulary, LIMITS)
    assert plain.references == full.references
    assert plain.is_expression == full.is_expression
    assert _outcome(plain) == _outcome(full)


@pytest.mark.parametrize(
    "source",
    [
        "{{ get_posts.output.data }}",
        "Summarize {{ get_posts.output.data }} now",
        "{{ nodes['a-b'].output.x[0] }} and {{ execution.input.c }}",
        "{{get_posts.output['a b'][\"c\"].d}}",
        "no marks",
    ],
)
def test_plain_paths_are_read_without_jinja(source: str) -> None:
    assert read_plain(source, (), LIMITS.max_parts) is not None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, finalize=_as_text, keep_trailing_newline=True
)

_DATA: dict[str, Any] = {
    "n": {"output": {"one": 1, "two": 2.5, "list": [3, 1, 2], "word": "abc", "empty": ""}},
}

_WHOLE = st.one_of(
    st.integers(0, 9).map(str), st.sampled_from(["n.output.one", "n.output.list[1]", "(0 - 3)"])
)
_WORDS = st.sampled_from(
    ["'ab'", "n.output.word", "n.output.empty", "'B a'", "n['output'].word[1]"]
)
_LISTS = st.sampled_from(
    ["n.output.list", "[]", "[1, 5, 5]", "n.output.list[1:]", "range(4) | list"]
)


def _numbers() -> st.SearchStrategy[str]:
    return st.recursive(
        _WHOLE,
        lambda inner: st.one_of(
            st.builds(
                "({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner
            ),
            st.builds("({}) | abs".format, inner).map("({})".format),
            st.builds("({} if {} > {} else {})".format, inner, inner, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("({} and {})".format, inner, inner),
        ),
        max_leaves=6,
    )


def _texts() -> st.SearchStrategy[str]:
    filters = [
        "upper",
        "lower",
        "title",
        "capitalize",
        "trim",
        "reverse",
        "first",
        "last",
        "string",
    ]
    filters += ["replace('a', 'xy')", "truncate(4, true, '.', 0)", "default('d', true)"]
    return st.recursive(
        _WORDS,
        lambda inner: st.one_of(
            st.builds("({} ~ {})".format, inner, inner),
            st.builds("({} | {})".format, inner, st.sampled_from(filters)),
            st.builds("({} * {})".format, inner, _WHOLE),
            st.builds("({}[{}:])".format, inner, _WHOLE),
        ),
        max_leaves=5,
    )


def _conditions() -> st.SearchStrategy[str]:
    compare = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    plain = st.one_of(
        st.builds("{} {} {}".format, _numbers(), compare, _numbers()),
        st.builds("{} {} {}".format, _texts(), compare, _texts()),
        st.builds("{} in {}".format, _numbers(), _LISTS),
        st.builds("{} not in {}".format, _texts(), _texts()),
        st.builds(
            "({}) is {}".format, _numbers(), st.sampled_from(["odd", "even", "none", "eq 3"])
        ),
        st.sampled_from(["n.output.gone is defined", "n.output.one is defined", "n.output.one"]),
    )
    return st.one_of(
        plain, plain.map("not ({})".format), st.builds("({}) and ({})".format, plain, plain)
    )


def _items() -> st.SearchStrategy[str]:
    filters = [
        "sort",
        "reverse | list",
        "unique | list",
        "select('odd') | list",
        "map('string') | list",
    ]
    filters += [
        "reject('gt', 2) | list",
        "sum",
        "max",
        "min",
        "length",
        "join('-')",
        "batch(2) | list",
    ]
    return st.builds("({}) | {}".format, _LISTS, st.sampled_from(filters))


def _templates() -> st.SearchStrategy[str]:
    values = st.one_of(_numbers(), _texts(), _conditions(), _items(), _LISTS)
    shown = values.map("{{{{ {} }}}}".format)
    return st.recursive(
        shown,
        lambda inner: st.one_of(
            st.builds("{}, {}".format, inner, inner),
            st.builds(
                "{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, _conditions(), inner, inner
            ),
            st.builds(
                "{{% for i in {} %}}{{{{ loop.index }}}}{{{{ i }}}}{}{{% else %}}{}{{% endfor %}}".format,
                _LISTS,
                inner,
                inner,
            ),
            st.builds("{{% for i in {} if i > 1 -%}} {} {{%- endfor %}}".format, _LISTS, inner),
            st.builds("{{% set v = {} %}}{{{{ v }}}}{}".format, _numbers(), inner),
            st.builds("{{% set v %}}{}{{% endset %}}{{{{ v }}}}".format, inner),
        ),
        max_leaves=4,
    )


def _ours(source: str) -> str | None:
    try:
        rendered = TEMPLATING.compile(f"{source}\n", "").render(Scope(_DATA))
    except RenderError:
        return None
    assert isinstance(rendered, str)
    return rendered


def _jinjas(source: str) -> str | None:
    try:
        return JINJA.from_string(f"{source}\n").render(_DATA)
    except (TemplateError, TypeError, ValueError, ArithmeticError):
        return None


@settings(max_examples=300)
@given(_templates())
def test_templates_give_what_jinja_gives(source: str) -> None:
    assert _ours(source) == _jinjas(source)


@given(st.text(alphabet="{}%#a.b|()[]'\" \n-+*~,:=<>if or set for in end is 0", max_size=60))
def test_no_text_whatever_breaks_the_reader(text: str) -> None:
    with suppress(TemplateProblems, RenderError):
        TEMPLATING.compile("{{" + text, "").render(Scope(_DATA))
