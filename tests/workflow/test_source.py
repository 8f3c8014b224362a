"""Strict JSON, and JSON values that come as Python objects."""

import json
import math
import sys
import threading
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import JSONValue, check_value, copy_value, parse

LIMITS = Limits()

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def refused(data: bytes | str, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    with pytest.raises(DocumentRefused) as caught:
        parse(data, limits)
    return [(each.code, each.pointer) for each in caught.value.problems]


def found(value: object, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in check_value(value, limits)]


@given(values)
def test_what_was_written_as_json_is_read_back_the_same(value: JSONValue) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        for data in (text, text.encode()):
            assert repr(parse(data, LIMITS)) == repr(value)


@given(values)
def test_a_value_in_plain_python_is_copied_the_same(value: JSONValue) -> None:
    copied = copy_value(value, LIMITS)
    assert repr(copied) == repr(value)
    if value and isinstance(value, dict | list):
        assert copied is not value
    assert check_value(value, LIMITS) == []


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data, LIMITS)
    except DocumentRefused:
        assert refused(data)
    else:
        assert repr(value) == repr(json.loads(data.decode("utf-8-sig")))


@given(st.text(alphabet='[]{}":,\\1ntu ', max_size=80))
def test_text_of_json_characters_is_read_or_refused_as_the_standard_reader_does(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        assert refused(text)
    else:
        try:
            value = parse(text, LIMITS)
        except DocumentRefused:
            assert {code for code, _ in refused(text)} == {"json.duplicate_key"}
        else:
            assert repr(value) == repr(expected)


def test_a_byte_order_mark_is_let_through() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}', LIMITS) == {"a": 1}


@pytest.mark.parametrize("data", [b"\xff\xfe{\x00}\x00", b'{"a": "\xe9"}', b'"\xed\xa0\x80"'])
def test_bytes_that_are_not_utf_8_are_refused(data: bytes) -> None:
    assert refused(data) == [("json.encoding", "")]


@pytest.mark.parametrize("text", ["", "  \n", "{", '{"a": 1,}', "{'a': 1}", "[1] 2", "nul", '"\t"'])
def test_what_is_not_json_is_refused(text: str) -> None:
    assert refused(text) == [("json.syntax", "")]


def test_a_syntax_error_is_told_with_line_and_column() -> None:
    with pytest.raises(DocumentRefused, match="line 2, column 8"):
        parse('{"a": 1,\n  "b": }', LIMITS)


def test_duplicate_keys_are_refused_with_their_places() -> None:
    text = '{"a": [{"id": 1, "x": 2, "id": 3}], "b/c": {"": 1, "": 2}}'
    assert refused(text) == [("json.duplicate_key", "/a/0/id"), ("json.duplicate_key", "/b~1c/")]


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", str(2**63), str(-(2**63) - 1), "9" * 5000],
)
def test_numbers_that_readers_disagree_about_are_refused_with_their_places(number: str) -> None:
    assert refused(f'{{"a": [1, {number}]}}') == [("json.number", "/a/1")]


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "-0", "1e308"])
def test_numbers_at_the_edge_are_read(number: str) -> None:
    assert parse(number, LIMITS) == json.loads(number)


def test_all_faulty_values_are_told_at_once() -> None:
    text = '{"a": NaN, "b": {"x": 1, "x": 2}, "c": ["\\ud800"]}'
    assert [code for code, _ in refused(text)] == [
        "json.number",
        "json.duplicate_key",
        "json.surrogate",
    ]


def test_lone_surrogates_are_refused_and_pairs_are_read() -> None:
    assert refused('["a", "\\ud83d"]') == [("json.surrogate", "/1")]
    assert refused('{"o": {"\\udc00": 1}}') == [("json.surrogate", "/o")]
    assert refused('"\ud800"') == [("json.surrogate", "")]
    assert parse('["\\ud83d\\ude00", "\\\\ud800"]', LIMITS) == ["\U0001f600", "\\ud800"]


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize("depth", [65, 66, 500, 100_000])
def test_nesting_beyond_the_limit_is_refused(depth: int) -> None:
    assert refused(nested(depth)) == [("json.depth", "")]
    assert refused("[" * depth) == [("json.depth", "")]
    assert refused('{"a":' * depth) == [("json.depth", "")]
    assert refused('{"a":' * depth + "1" + "}" * depth) == [("json.depth", "")]


def test_nesting_at_the_limit_is_read_and_brackets_in_strings_do_not_count() -> None:
    assert parse(nested(64), LIMITS)
    brackets = "[" * 100_000
    assert parse(json.dumps({"a": brackets, "b\\": '\\"' + brackets}), LIMITS)


def test_a_nesting_bomb_is_refused_in_a_small_thread_with_a_deep_recursion_limit() -> None:
    outcome: list[Any] = []
    before = sys.getrecursionlimit()
    threading.stack_size(256 * 1024)
    try:
        sys.setrecursionlimit(10**6)
        thread = threading.Thread(target=lambda: outcome.append(refused("[" * 10**6)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
        sys.setrecursionlimit(before)
    assert outcome == [[("json.depth", "")]]


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    limits = Limits(max_document_bytes=10)
    assert parse(b'"12345678"', limits) == "12345678"
    assert refused(b'"123456789"', limits) == [("document.too_large", "")]
    assert refused('"ééééé"', limits) == [("document.too_large", "")]
    assert refused(b"\xff" * 11, limits) == [("document.too_large", "")]


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


def test_subclasses_of_json_types_are_copied_as_plain_values() -> None:
    copied = copy_value({"a": Colour.RED, "b": [Level.HIGH]}, LIMITS)
    assert copied == {"a": "red", "b": [3]}
    assert isinstance(copied, dict)
    assert [type(each) for each in copied.values()] == [str, list]
    assert repr(copied) == "{'a': 'red', 'b': [3]}"


def test_a_copy_does_not_change_with_its_original() -> None:
    original: dict[str, Any] = {"a": [1]}
    copied = copy_value(original, LIMITS)
    original["a"].append(2)
    assert copied == {"a": [1]}


@pytest.mark.parametrize("value", [(1,), {1}, b"x", object(), 1j, range(3), frozenset()])
def test_python_objects_that_are_not_json_are_refused_with_their_places(value: object) -> None:
    assert found({"a": [0, value]}) == [("json.type", "/a/1")]


def test_keys_numbers_and_texts_of_python_objects_are_checked() -> None:
    value = {
        "n": math.nan,
        "i": [math.inf, 2**63],
        "s": "\ud800",
        "k": {1: "x"},
        "u": {"\ud800": 1},
    }
    assert found(value) == [
        ("json.number", "/n"),
        ("json.number", "/i/0"),
        ("json.number", "/i/1"),
        ("json.surrogate", "/s"),
        ("json.type", "/k"),
        ("json.surrogate", "/u"),
    ]


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {"children": []}
    loop["children"] = [{"parent": loop} for _ in range(10)]
    assert set(found(loop)) == {("json.type", f"/children/{at}/parent") for at in range(10)}


def test_python_objects_nested_too_deeply_are_refused() -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    assert found(value) == []
    assert found([value]) == [("json.depth", "/0" * 64)]


def test_many_faults_are_bounded() -> None:
    problems = check_value([math.nan] * 5000, LIMITS)
    assert len(problems) == LIMITS.max_problems + 1
    assert problems[-1] == Problem(
        "problems.more", "", "at least 4900 more problems are not shown", "mend these first"
    )


def test_a_copy_is_refused_with_pointers_below_the_given_place() -> None:
    with pytest.raises(DocumentRefused) as caught:
        copy_value({"a": {2}}, LIMITS, "/execution/input")
    assert [each.pointer for each in caught.value.problems] == ["/execution/input/a"]


def test_very_many_values_are_refused_before_they_are_read() -> None:
    limits = Limits(max_values=6)
    assert parse('[1, [2, 3], {"a": ",,,["}]', limits) == [1, [2, 3], {"a": ",,,["}]
    assert refused("[1, [2, 3], [4, 5]]", limits) == [("document.too_large", "")]
    assert refused("[[],[],[],[]]", limits) == [("document.too_large", "")]
