"""YAML 1.2 with the model and limits of JSON; what readers of YAML disagree about is refused."""

import json
import sys
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import parse
from wfcore.workflow.yaml_source import MOST_YAML_BYTES, MOST_YAML_VALUES, parse_yaml, yaml_places

LIMITS = Limits()


def refused(text: str | bytes, limits: Limits = LIMITS) -> Problem:
    with pytest.raises(DocumentRefused) as caught:
        parse_yaml(text, limits)
    return caught.value.problems[0]


class TestValues:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("a: no", {"a": "no"}),
            ("a: on", {"a": "on"}),
            ("a: yes", {"a": "yes"}),
            ("a: 2026-11-27", {"a": "2026-11-27"}),
            ("a: 12:30:45", {"a": "12:30:45"}),
            ("a: 1_000", {"a": "1_000"}),
            ("a: true", {"a": True}),
            ("a: ~", {"a": None}),
            ("a:", {"a": None}),
            ("a: 12", {"a": 12}),
            ("a: -0x1F", {"a": "-0x1F"}),
            ("a: 0x1F", {"a": 31}),
            ("a: 0o17", {"a": 15}),
            ("a: 1.5e3", {"a": 1500.0}),
            ("a: .5", {"a": 0.5}),
            ("a: '12'", {"a": "12"}),
            ('a: "tr\\u00fce"', {"a": "trüe"}),
            ("- 1\n- [2, {b: 3}]", [1, [2, {"b": 3}]]),
            ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
            ("a: >-\n  one\n  two\n", {"a": "one two"}),
            ("# a comment\na: 1 # another\n", {"a": 1}),
            ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
            ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
            ("text", "text"),
            ("﻿a: 1", {"a": 1}),
        ],
    )
    def test_are_those_of_the_core_schema(self, text: str, value: Any) -> None:
        read = parse_yaml(text, LIMITS)
        assert read == value
        assert json.dumps(read) == json.dumps(value)

    def test_an_alias_is_a_copy(self) -> None:
        read: Any = parse_yaml("a: &x {b: []}\nc: *x", LIMITS)
        read["a"]["b"].append(1)
        assert read["c"] == {"b": []}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=8,
        )
    )
    def test_json_is_yaml(self, value: Any) -> None:
        """Every JSON text is YAML with the same value (YAML 1.2.2, chapter 1.3)."""
        text = json.dumps(value)
        assert parse_yaml(text, LIMITS) == parse(text, LIMITS) == value


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "code", "place", "pointer"),
        [
            ("a: [1", "yaml.syntax", "line 1", ""),
            ("a: 1\n b: 2", "yaml.syntax", "line 2", ""),
            ("a: 1\na: 2", "yaml.duplicate_key", "line 2, column 1", "/a"),
            ("1: a", "yaml.key", "line 1, column 1", ""),
            ("true: a", "yaml.key", "line 1, column 1", ""),
            ("[a]: b", "yaml.key", "line 1, column 1", ""),
            ("<<: {a: 1}", "yaml.merge", "line 1, column 1", ""),
            ("a: !!python/object:os.system x", "yaml.tag", "line 1, column 4", "/a"),
            ("a: !!int '1'", "yaml.tag", "line 1, column 4", "/a"),
            ("a: 1\n---\nb: 2", "yaml.documents", "line 2", ""),
            ("%YAML 1.1\n---\na: yes", "yaml.version", "line 2", ""),
            ("a: *x", "yaml.alias", "line 1, column 4", "/a"),
            ("a: &x [*x]", "yaml.alias", "line 1, column 8", "/a/0"),
            ("a: .nan", "yaml.value", "line 1, column 4", "/a"),
            ("a: -.inf", "yaml.value", "line 1, column 4", "/a"),
            ("a: 99999999999999999999", "yaml.value", "line 1, column 4", "/a"),
            ("a: 0123", "yaml.value", "line 1, column 4", "/a"),
            ("a: 1e999", "yaml.value", "line 1, column 4", "/a"),
            ('a: "\\ud800"', "yaml.value", "line 1, column 4", "/a"),
            ("a: \x00", "yaml.syntax", "line 1", ""),
            ("a:\n  - b\u2028c", "yaml.syntax", "line 2, column 6", ""),
            ("a: b\x85c", "yaml.syntax", "line 1, column 5", ""),
            ('a: "\\UFFFFFFFF"', "yaml.syntax", "", ""),
            ("", "yaml.syntax", "", ""),
            ("# only a comment\n", "yaml.syntax", "", ""),
        ],
    )
    def test_tell_the_line(self, text: str, code: str, place: str, pointer: str) -> None:
        problem = refused(text)
        assert (problem.code, problem.pointer) == (code, pointer)
        assert place in problem.message

    def test_all_faulty_values_are_told_at_once(self) -> None:
        with pytest.raises(DocumentRefused) as caught:
            parse_yaml("a: .nan\nb: 1\nb: 2\nc: {d: 0777}", LIMITS)
        assert [each.pointer for each in caught.value.problems] == ["/a", "/b", "/c/d"]

    def test_bytes_that_are_no_utf8(self) -> None:
        assert refused(b"a: \xff").code == "yaml.encoding"

    def test_without_its_library_it_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "wfcore.workflow.yaml_events", raising=False)
        monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
        problem = refused("a: 1")
        assert (problem.code, problem.hint) == ("yaml.missing", "pip install 'wfcore[yaml]'")


class TestLimits:
    def test_a_billion_laughs_are_refused_before_they_are_made(self) -> None:
        names = "abcdefghijkl"
        lines = [f"{names[0]}: &{names[0]} [{', '.join('x' * 10)}]"]
        for before, name in pairwise(names):
            lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
        assert refused("\n".join(lines)).code == "document.too_large"

    def test_aliases_of_a_long_text_count_by_their_letters(self) -> None:
        text = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]"
        assert refused(text).code == "document.too_large"

    def test_values_are_counted_as_in_json(self) -> None:
        few = Limits(max_values=10)
        assert parse_yaml("[1, 2, 3, 4, 5, 6, 7, 8, 9]", few) == list(range(1, 10))
        assert refused("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", few).code == "document.too_large"

    def test_values_are_fewer_than_in_json(self) -> None:
        """The reader is slow: 524,288 values, which fit into 2 MiB, would take it 12 seconds."""
        problem = refused("[" + "1," * (MOST_YAML_VALUES + 1) + "]")
        assert (problem.code, "JSON" in str(problem.hint)) == ("document.too_large", True)

    def test_a_tag_without_an_end_takes_no_time(self) -> None:
        started = time.monotonic()
        assert refused("a: " + "!" * (MOST_YAML_BYTES - 3)).code == "yaml.syntax"
        assert time.monotonic() - started < 10  # 60 seconds, were it read

    @pytest.mark.parametrize("text", ["[" * 65 + "]" * 65, "a: &a [[]]\nb: " + "[" * 62 + "*a"])
    def test_depth_is_bounded_aliases_included(self, text: str) -> None:
        closing = text.count("[") - text.count("]")
        assert refused(text + "]" * closing).code == "yaml.depth"

    def test_block_style_does_not_recurse(self) -> None:
        text = "".join(f"{'  ' * depth}a:\n" for depth in range(500))
        assert refused(text).code == "yaml.depth"

    @pytest.mark.parametrize("most", [100, MOST_YAML_BYTES])
    def test_size_is_bounded(self, most: int) -> None:
        text = "a: " + "x" * (most + 1)
        problem = refused(text, Limits(max_document_bytes=most if most == 100 else 2**30))
        assert problem.code == "document.too_large"
        assert problem.hint is not None
        assert "JSON" in problem.hint


def test_places_are_the_lines_of_values() -> None:
    text = (
        "name: x\ndag:\n  nodes:\n    - id: a\n      config:\n        url: &u b\n    - {id: *u}\n"
    )
    places = dict(yaml_places(text))
    assert places == {
        "": 1,
        "/name": 1,
        "/dag": 3,
        "/dag/nodes": 4,
        "/dag/nodes/0": 4,
        "/dag/nodes/0/id": 4,
        "/dag/nodes/0/config": 6,
        "/dag/nodes/0/config/url": 6,
        "/dag/nodes/1": 7,
        "/dag/nodes/1/id": 7,
    }


def test_places_of_what_cannot_be_read_end_there() -> None:
    assert dict(yaml_places("a: 1\nb: [")) == {"": 1, "/a": 1, "/b": 2}
