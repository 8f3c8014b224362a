"""JSON as it arrives: strict text, or Python objects from an embedder, made into plain values.

Everything that readers of JSON disagree about is refused: duplicate keys, NaN and infinities,
integers beyond 64 bits, lone surrogates, bytes that are not UTF-8, nesting beyond the limit.
"""

import json
import math
import re
from typing import Any, Final, TypeAlias

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem, pointer
from wfcore.workflow.findings import Findings
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import quoted

__all__ = ["JSONValue", "check_value", "copy_value", "parse"]

JSONValue: TypeAlias = "dict[str, JSONValue] | list[JSONValue] | str | int | float | bool | None"

_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_ROUND: Final = bytes.maketrans(b"[]{}", b"()()")


def parse(data: bytes | str, limits: Limits) -> JSONValue:
    """Read one JSON value from text.

    Raises `DocumentRefused`; what cannot be read at all is one problem, faulty values are told all
    at once with their places.
    """
    text = _decode(data, limits)
    _measure(text, limits)
    reader = _Reader()
    value: Any = reader.read(text)
    if reader.faulty or _ESCAPED_SURROGATE.search(text):
        findings = Findings(limits.max_problems)
        _find_faults(value, "", findings)
        if findings:
            findings.refuse(value)
    return value  # type: ignore[no-any-return]


def _refuse(code: str, message: str, hint: str | None = None) -> None:
    raise DocumentRefused([Problem(code, "", message, hint)])


def _decode(data: bytes | str, limits: Limits) -> str:
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            message = f"the text has a lone surrogate at character {error.start}"
            _refuse("json.surrogate", message)
            raise
    if len(data) > limits.max_document_bytes:
        message = f"{len(data)} bytes are more than the limit of {limits.max_document_bytes}"
        _refuse("document.too_large", message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8 ({error.reason})"
        _refuse("json.encoding", message, "send the document as UTF-8")
        raise


def _measure(text: str, limits: Limits) -> None:
    """Refuse text of too many or too deeply nested values, up to the first syntax error.

    The JSON reader recurses, and reads lists of plain values in one call: neither its stack nor
    the other threads must be the first to notice.
    """
    unescaped = text.replace("\\\\", "").replace('\\"', "")
    outside = "".join(unescaped.split('"')[::2]).encode()
    brackets = outside.translate(_ROUND, _NOT_BRACKETS)
    if outside.count(b",") + brackets.count(b"(") > limits.max_values:
        message = f"the document has more than {limits.max_values} values"
        _refuse("document.too_large", message)
    if _deeper_than(brackets, limits.max_depth):
        _refuse("json.depth", f"lists and objects are nested deeper than {limits.max_depth}")


def _deeper_than(brackets: bytes, limit: int) -> bool:
    """Whether brackets nest deeper than `limit`. Each round takes away the innermost pairs."""
    for rounds in range(limit + 1):
        rest = brackets.replace(b"()", b"")
        if len(rest) == len(brackets):
            return rounds + rest.count(b"(") > limit
        brackets = rest
    return True


class _Fault:
    """Stands in the tree where a value is faulty, until the walk that finds its place."""

    __slots__ = ("code", "message")

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


class _Reader:
    """The standard JSON reader with hooks. They run in Python, so other threads get their turn."""

    def __init__(self) -> None:
        self.faulty = False

    def read(self, text: str) -> object:
        try:
            return json.loads(
                text,
                object_pairs_hook=self._object,
                parse_int=self._integer,
                parse_float=self._float,
                parse_constant=self._constant,
            )
        except json.JSONDecodeError as error:
            if not text.strip():
                _refuse("json.syntax", "the document is empty")
            message = f"line {error.lineno}, column {error.colno}: {error.msg}"
            _refuse("json.syntax", message)
            raise

    def _fault(self, code: str, message: str) -> _Fault:
        self.faulty = True
        return _Fault(code, message)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    message = f"the key {quoted(key)} stands more than once in its object"
                    found[key] = self._fault("json.duplicate_key", message)
                seen.add(key)
        return found

    def _integer(self, digits: str) -> int | _Fault:
        if len(digits) <= 18:
            return int(digits)
        if len(digits) <= 20 and _LOWEST <= int(digits) <= _HIGHEST:
            return int(digits)
        return self._fault("json.number", _TOO_WIDE)

    def _float(self, digits: str) -> float | _Fault:
        value = float(digits)
        if math.isinf(value):
            return self._fault("json.number", "the number is too large for a 64-bit float")
        return value

    def _constant(self, name: str) -> _Fault:
        return self._fault("json.number", f"{name} is not JSON")


_TOO_WIDE: Final = "the integer does not fit in 64 bits; write it as a string"
_SURROGATE: Final = "the text has a lone surrogate, which no encoding can carry"


def _find_faults(value: Any, at: str, findings: Findings) -> None:
    """Find faulty values and lone surrogates with their places; the depth is bounded by now."""
    if isinstance(value, _Fault):
        findings.add(value.code, at, value.message)
    elif isinstance(value, str) and not _encodes(value):
        findings.add("json.surrogate", at, _SURROGATE)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_faults(item, f"{at}/{index}", findings)
    elif isinstance(value, dict):
        for key, item in value.items():
            if _encodes(key):
                _find_faults(item, at + pointer(key), findings)
            else:
                findings.add("json.surrogate", at, f"a key: {_SURROGATE}")


def _encodes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def copy_value(value: object, limits: Limits, at: str = "") -> JSONValue:
    """Return a copy of a JSON value that came as Python objects, in plain types.

    The copy shares nothing with what the caller holds. Raises `DocumentRefused` where a part is
    not JSON (codes as in `parse`, and `json.type`), with pointers below `at`.
    """
    copier = _Copier(limits, at)
    copied = copier.copy(value, None)
    if copier.findings:
        copier.findings.refuse(None)
    return copied


def check_value(value: object, limits: Limits, at: str = "") -> list[Problem]:
    """Return what is wrong with a value that came as Python objects; nothing: it is JSON."""
    copier = _Copier(limits, at)
    copier.copy(value, None)
    return copier.findings.problems(None)


_Path: TypeAlias = "tuple[_Path, str | int] | None"


class _Copier:
    """Copies and checks in one walk; a place is a linked list, spelt out only for a problem."""

    def __init__(self, limits: Limits, root: str) -> None:
        self.findings = Findings(limits.max_problems)
        self._limits = limits
        self._root = root
        self._above: list[int] = []

    def copy(self, value: object, path: _Path) -> JSONValue:
        kind = type(value)
        if kind is str:
            return self._text(value, path)  # type: ignore[arg-type]
        if kind is bool or value is None:
            return value  # type: ignore[return-value]
        if isinstance(value, dict | list):
            return self._container(value, path)
        if isinstance(value, int):
            return self._integer(int(value), path)
        if isinstance(value, float):
            if not math.isfinite(value):
                self._add("json.number", path, f"{value} is not JSON")
            return float(value)
        if isinstance(value, str):
            return self._text(str.__str__(value), path)
        self._add("json.type", path, f"a Python {kind.__name__} is not JSON", _remedy(value))
        return None

    def _container(
        self, value: dict[Any, Any] | list[Any], path: _Path
    ) -> dict[str, JSONValue] | list[JSONValue]:
        above = self._above
        if id(value) in above:
            self._add("json.type", path, "the value contains itself")
            return []
        if len(above) >= self._limits.max_depth:
            message = f"lists and objects are nested deeper than {self._limits.max_depth}"
            self._add("json.depth", path, message)
            return []
        above.append(id(value))
        copied: dict[str, JSONValue] | list[JSONValue]
        if isinstance(value, list):
            copied = [self.copy(item, (path, index)) for index, item in enumerate(value)]
        else:
            copied = {
                self._key(key, path): self.copy(item, (path, key)) for key, item in value.items()
            }
        above.pop()
        return copied

    def _key(self, key: object, path: _Path) -> str:
        if not isinstance(key, str):
            message = f"the key {key!r:.80} is a Python {type(key).__name__}, not a string"
            self._add("json.type", path, message)
            return ""
        if not _encodes(key):
            self._add("json.surrogate", path, f"a key: {_SURROGATE}")
        return str.__str__(key)

    def _text(self, text: str, path: _Path) -> str:
        if not _encodes(text):
            self._add("json.surrogate", path, _SURROGATE)
        return text

    def _integer(self, number: int, path: _Path) -> int:
        if not _LOWEST <= number <= _HIGHEST:
            self._add("json.number", path, _TOO_WIDE)
        return number

    def _add(self, code: str, path: _Path, message: str, hint: str | None = None) -> None:
        parts: list[str | int] = []
        while path is not None:
            path, part = path
            parts.append(part if _encodes(str(part)) else "?")
        self.findings.add(code, self._root + pointer(*reversed(parts)), message, hint)


def _remedy(value: object) -> str | None:
    if isinstance(value, tuple | set | frozenset):
        return "make it a list"
    if isinstance(value, bytes | bytearray):
        return "decode it to a string"
    return None
