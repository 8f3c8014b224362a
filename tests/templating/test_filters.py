import re
from pathlib import Path
from typing import Any

import pytest

from wfcore.templating import RenderError, Scope, Templating
from wfcore.templating.predicate import TESTS
from wfcore.templating.scalar import SCALAR_FILTERS
from wfcore.templating.sequence import SEQUENCE_FILTERS
from wfcore.workflow.source import JSONValue

POSTS: list[JSONValue] = [
    {"t": "b", "n": 2, "in": {"k": "y"}},
    {"t": "A", "n": 1, "in": {"k": "x"}},
    {"t": "c", "n": 2},
]

PAGE = Path(__file__).parents[2] / "docs" / "templates.md"

FILTERS: list[tuple[str, Any]] = [
    ("-1.5 | abs", 1.5),
    ("(0 - 2) | abs", 2),
    ("[1, 2, 3] | batch(2)", [[1, 2], [3]]),
    ("[1, 2, 3] | batch(2, none)", [[1, 2], [3]]),
    ("[1, 2, 3] | batch(2, 'x')", [[1, 2], [3, "x"]]),
    ("'hELLO wORLD' | capitalize", "Hello world"),
    ("[1, 2] | count", 2),
    ("{'b': 1, 'A': 2} | dictsort", [["A", 2], ["b", 1]]),
    ("{'b': 1, 'A': 2} | dictsort(case_sensitive=true, reverse=true)", [["b", 1], ["A", 2]]),
    ("{'b': 1, 'A': 2} | dictsort(by='value')", [["b", 1], ["A", 2]]),
    ("[3, 4] | first", 3),
    ("'abc' | first", "a"),
    ("'1.5' | float", 1.5),
    ("2 | float", 2.0),
    ("'x' | float(default=0.5)", 0.5),
    ("'inf' | float(0)", 0),
    ("'42' | int", 42),
    ("'42.9' | int", 42),
    ("42.9 | int", 42),
    ("'ff' | int(base=16)", 255),
    ("'x' | int(7)", 7),
    ("[] | int(default=none)", None),
    ("('9' * 30) | int(0)", 0),
    ("{'a': 1} | items", [["a", 1]]),
    ("['a', 1, none] | join('-')", "a-1-null"),
    ("posts | join(', ', attribute='t')", "b, A, c"),
    ("[3, 4] | last", 4),
    ("'abc' | length", 3),
    ("{'a': 1} | length", 1),
    ("'ab' | list", ["a", "b"]),
    ("{'a': 1} | list", ["a"]),
    ("'ÄB' | lower", "äb"),
    ("posts | map(attribute='n')", [2, 1, 2]),
    ("posts | map(attribute='in.k', default='-')", ["y", "x", "-"]),
    ("['a', 'b'] | map('upper')", ["A", "B"]),
    ("['ab', 'cb'] | map('replace', 'b', 'x')", ["ax", "cx"]),
    ("[[1, 2]] | map(attribute=1)", [2]),
    ("[3, 1, 2] | max", 3),
    ("['b', 'A'] | min", "A"),
    ("['b', 'A'] | min(case_sensitive=true)", "A"),
    ("(posts | min(attribute='n')).t", "A"),
    ("[0, 1, ''] | reject", [0, ""]),
    ("[1, 2, 3] | reject('odd')", [2]),
    ("posts | rejectattr('n', 'eq', 2) | map(attribute='t')", ["A"]),
    ("'aXbX' | replace('X', '')", "ab"),
    ("'aaa' | replace('a', 'b', 2)", "bba"),
    ("12 | replace(1, 3)", "32"),
    ("[1, 2] | reverse", [2, 1]),
    ("'ab' | reverse", "ba"),
    ("2.5 | round", 2.0),
    ("42.55 | round(1, 'floor')", 42.5),
    ("42.51 | round(0, 'ceil')", 43.0),
    ("[0, 1, 'x'] | select", [1, "x"]),
    ("[1, 2, 3] | select('gt', 1)", [2, 3]),
    ("posts | selectattr('n', '==', 1) | map(attribute='t')", ["A"]),
    ("posts | selectattr('in', 'defined') | length", 2),
    ("posts | selectattr('in.k', 'undefined') | map(attribute='t')", ["c"]),
    ("['b', 'A', 'c'] | sort", ["A", "b", "c"]),
    ("['b', 'A'] | sort(case_sensitive=true, reverse=true)", ["b", "A"]),
    ("posts | sort(attribute='n,t') | map(attribute='t')", ["A", "b", "c"]),
    ("'a b  c' | split", ["a", "b", "c"]),
    ("'a,b,c' | split(',', 1)", ["a", "b,c"]),
    ("[1, 'x'] | string", '[1,"x"]'),
    ("5 | string", "5"),
    ("[1, 2.5] | sum", 3.5),
    ("posts | sum(attribute='n', start=1)", 6),
    ("[[1], [2]] | sum(start=[])", [1, 2]),
    ('"it\'s a-b (c)" | title', "It's A-B (C)"),
    ("{'a': [1, 'ü']} | tojson", '{"a":[1,"ü"]}'),
    ("[1] | tojson(indent=2)", "[\n  1\n]"),
    ("'<b>' | tojson", '"<b>"'),
    ("'  x ' | trim", "x"),
    ("'--x-' | trim('-')", "x"),
    ("'hello world' | truncate(8, leeway=0)", "hello..."),
    ("'hello world' | truncate(8, true, '', 0)", "hello wo"),
    ("'hello world' | truncate(9)", "hello world"),
    ("['a', 'A', 'b', [1], [1]] | unique", ["a", "b", [1]]),
    ("['a', 'A'] | unique(case_sensitive=true)", ["a", "A"]),
    ("posts | unique(attribute='n') | map(attribute='t')", ["b", "A"]),
    ("'ß' | upper", "SS"),
    ("'a b/ü?' | urlencode", "a%20b/%C3%BC%3F"),
    ("{'a b': 'x&y', 'c': 1} | urlencode", "a%20b=x%26y&c=1"),
    ("none | default('x')", None),
    ("posts[9] | d('x')", "x"),
    ("'' | default('x', true)", "x"),
]

TESTED = [
    ("true is boolean", True),
    ("1 is boolean", False),
    ("posts is defined", True),
    ("4 is divisibleby(2)", True),
    ("4 is divisibleby 3", False),
    ("2 is even", True),
    ("3 is odd", True),
    ("false is false", True),
    ("0 is false", False),
    ("true is true", True),
    ("1.0 is float", True),
    ("1 is float", False),
    ("1 is integer", True),
    ("true is integer", False),
    ("1 is number", True),
    ("true is number", False),
    ("'x' is string", True),
    ("'x' is iterable", True),
    ("1 is iterable", False),
    ("{} is mapping", True),
    ("[] is mapping", False),
    ("[] is sequence", True),
    ("none is none", True),
    ("1 is not none", True),
    ("posts.x is undefined", True),
    ("1 is in [1, 2]", True),
    ("1 is eq 1", True),
    ("1 is equalto 2", False),
    ("1 is ne 2", True),
    ("1 is lt 2", True),
    ("1 is lessthan 1", False),
    ("1 is le 1", True),
    ("1 is gt 2", False),
    ("2 is greaterthan 1", True),
    ("1 is ge 2", False),
]


@pytest.mark.parametrize(("expression", "value"), [*FILTERS, *TESTED])
def test_filters_and_tests_give(expression: str, value: Any, templating: Templating) -> None:
    rendered = templating.compile(f"{{{{ {expression} }}}}", "").render(Scope({"posts": POSTS}))
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'x' | abs", "the filter `abs` failed: it takes a number, not a text"),
        ("1 | length", "the filter `length` failed: a number has no length"),
        ("1 | join", "the filter `join` failed: a number has no items"),
        ("[] | upper", "the filter `upper` failed: it takes a text, not a list"),
        ("none | trim", "the filter `trim` failed: it takes a text, not null"),
        ("[1, 'a'] | sort", "the filter `sort` failed: '<' not supported"),
        ("[1, 'a'] | sum", "the filter `sum` failed: `+` cannot be applied to a number and a text"),
        ("[] | items", "the filter `items` failed: a list is no object"),
        ("[1] | batch(0)", "a batch has at least one item"),
        ("[1] | batch('x')", "the filter `batch` failed: invalid literal"),
        ("'x' | truncate(1)", "the length is at least 3"),
        ("'x' | truncate(9, leeway=-1)", "the leeway is at least 0"),
        ("1 | tojson(99)", "the indent is 0 to 8"),
        ("1.5 | round(0, 'up')", 'the method is "common", "ceil" or "floor"'),
        ("{} | dictsort(by='x')", 'it sorts by "key" or by "value"'),
        ("[1] | map", "takes the name of a filter"),
        ("['a'] | map('up' ~ 'er')", "there is no filter `uper`"),
        ("[[]] | map('first')", "is empty and has no first item"),
        ("[1] | select('od' ~ 'd2')", "there is no test `odd2`"),
        ("posts | map(attribute=none)", "an attribute is a text, not null"),
        ("posts | selectattr('in')", "has no `in`"),
        ("'x' is odd", "the test `odd` failed: it takes a whole number, not a text"),
        ("range('x')", "the function `range` failed"),
        ("'a' | split('')", "the filter `split` failed: empty separator"),
    ],
)
def test_filters_say_what_they_cannot_take(
    expression: str, message: str, templating: Templating
) -> None:
    with pytest.raises(RenderError) as caught:
        templating.compile(f"{{{{ {expression} }}}}", "").render(Scope({"posts": POSTS}))
    assert message in caught.value.message


def test_every_filter_and_test_is_tried_here_and_documented() -> None:
    documented = set(re.findall(r"`([a-z=!<>]+)", PAGE.read_text(encoding="utf-8")))
    for name in {*SCALAR_FILTERS, *SEQUENCE_FILTERS}:
        assert any(f"| {name}" in expression for expression, _ in FILTERS), name
        assert name in documented, name
    for name in TESTS:
        if name.isidentifier():
            assert any(f"is {name}" in expression for expression, _ in TESTED), name
            assert name in documented, name
