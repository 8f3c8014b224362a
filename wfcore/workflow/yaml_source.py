"""YAML 1.2 as it arrives, made into the plain values that JSON has.

The model and the limits are those of JSON (`wfcore.workflow.source`): what JSON refuses is refused
here too, and so are tags, merge keys and keys that are no texts. An alias is a copy; copies count.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.problems import pointer as pointer_of
from wfcore.workflow.findings import Findings
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import quoted
from wfcore.workflow.source import JSONValue
from wfcore.workflow.yaml_scalars import plain_value, sound_text

__all__ = ["MOST_YAML_BYTES", "MOST_YAML_VALUES", "parse_yaml", "yaml_places"]

MOST_YAML_BYTES: Final = 2 * 1024 * 1024
MOST_YAML_VALUES: Final = 100_000
"""The reader of YAML is written in Python: so many take seconds. Larger documents are for JSON."""

_MOST_ALIASED_LETTERS: Final = 4 * 1024 * 1024
"""Letters that aliases may add to a document in all."""
_AS_JSON: Final = "larger documents can be given as JSON"


def parse_yaml(data: bytes | str, limits: Limits) -> JSONValue:
    """Read one YAML document.

    Raises `DocumentRefused` with codes `yaml.*`, lines and columns in the messages; what cannot be
    read at all is one problem, faulty values are told all at once with their places.
    """
    composer = _Composer(limits)
    for event in _events(_decode(data, limits)):
        composer.take(event)
    if not composer.begun:
        _refuse("yaml.syntax", "the document is empty")
    if composer.findings:
        composer.findings.refuse(composer.value)
    value: JSONValue = composer.value
    return value


def yaml_places(text: str) -> Iterator[tuple[str, int]]:
    """Yield the pointer and the line, counted from 1, of every value.

    Ends where the text cannot be read.
    """
    stack: list[_Open] = []
    try:
        for event in _events(text):
            kind = type(event).__name__
            if kind in _ENDS:
                stack.pop()
            elif kind not in _VALUES:
                continue
            elif stack and stack[-1].wants_key:
                stack[-1].key = str(getattr(event, "value", ""))
            else:
                place = stack[-1].next_place() if stack else ""
                yield place, event.start_mark.line + 1
                if kind in _STARTS:
                    stack.append(_Open(place, [] if kind == "SequenceStartEvent" else {}))
    except DocumentRefused:
        return


_STARTS: Final = frozenset({"MappingStartEvent", "SequenceStartEvent"})
_ENDS: Final = frozenset({"MappingEndEvent", "SequenceEndEvent"})
_VALUES: Final = _STARTS | {"ScalarEvent", "AliasEvent"}


def _refuse(code: str, message: str, hint: str | None = None, at: str = "") -> NoReturn:
    raise DocumentRefused([Problem(code, at, message, hint)])


def _decode(data: bytes | str, limits: Limits) -> str:
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            _refuse("yaml.encoding", f"the text has a lone surrogate at character {error.start}")
    most = min(limits.max_document_bytes, MOST_YAML_BYTES)
    if len(data) > most:
        message = f"{len(data)} bytes of YAML are more than the limit of {most}"
        _refuse("document.too_large", message, _AS_JSON)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8 ({error.reason})"
        _refuse("yaml.encoding", message, "send the document as UTF-8")


def _events(text: str) -> Iterator[Any]:
    """Yield the parser's events; raises `DocumentRefused` for what is no YAML."""
    try:
        from wfcore.workflow.yaml_events import NotYaml, events_of  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ruamel":
            raise
        _refuse("yaml.missing", "YAML is not installed", "pip install 'wfcore[yaml]'")
    try:
        yield from events_of(text)
    except NotYaml as error:
        _refuse("yaml.syntax", str(error))


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


class _Open:
    """A mapping or a sequence that is being read."""

    __slots__ = ("anchor", "container", "height", "key", "letters", "place", "values")

    def __init__(
        self, place: str, container: dict[str, Any] | list[Any], anchor: str | None = None
    ) -> None:
        self.place = place
        self.container = container
        self.anchor = anchor
        self.key: str | None = None
        self.values = 1
        self.letters = 0
        self.height = 1

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.container, dict)

    def next_place(self) -> str:
        """Return the pointer of the value that comes next, and count it as come."""
        if isinstance(self.container, list):
            self.container.append(None)
            return self.place + pointer_of(len(self.container) - 1)
        key, self.key = self.key, None
        return self.place + pointer_of(key or "")


class _Anchored:
    """A value that aliases can name, and what each of them adds."""

    __slots__ = ("height", "letters", "value", "values")

    def __init__(self, value: Any, values: int, letters: int, height: int) -> None:
        self.value = value
        self.values = values
        self.letters = letters
        self.height = height


class _Composer:
    """Makes values of events, and holds them against the limits as they come."""

    def __init__(self, limits: Limits) -> None:
        self.value: Any = None
        self.begun = False
        self.findings = Findings(limits.max_problems)
        self._limits = limits
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._most = min(limits.max_values, MOST_YAML_VALUES)
        self._aliased_letters = 0
        self._takers: dict[str, Callable[[Any], None]] = {
            "DocumentStartEvent": self._document,
            "ScalarEvent": self._scalar,
            "AliasEvent": self._alias,
            "MappingStartEvent": self._open,
            "SequenceStartEvent": self._open,
            "MappingEndEvent": self._close,
            "SequenceEndEvent": self._close,
        }

    def take(self, event: Any) -> None:
        taker = self._takers.get(type(event).__name__)
        if taker is not None:
            taker(event)

    def _document(self, event: Any) -> None:
        if self.begun:
            self._stop("yaml.documents", event, "a second document begins; there can be only one")
        if event.version not in (None, (1, 2)):
            self._stop("yaml.version", event, "the document says that it is not YAML 1.2")
        self.begun = True

    def _scalar(self, event: Any) -> None:
        value = self._value_of(event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.wants_key:
            self._key(event, frame, value)
            return
        self._counted(event, 1)
        letters = len(event.value)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, letters, 0)
        self._add(value, 1, letters, 0)

    def _value_of(self, event: Any) -> Any:
        if event.tag is not None:
            self._stop("yaml.tag", event, "tags are not taken", "quote what is to be text")
        try:
            plain = event.style is None and event.implicit[0]
            return plain_value(event.value) if plain else sound_text(event.value)
        except ValueError as error:
            self._note("yaml.value", event, str(error))
            return None

    def _key(self, event: Any, frame: _Open, key: Any) -> None:
        if not isinstance(key, str):
            message = f"the key {quoted(event.value)} is no text"
            self._note("yaml.key", event, message, "quote it")
            key = event.value
        elif key == "<<" and event.style is None:
            self._stop("yaml.merge", event, "merge keys are not taken", "write the fields out")
        elif key in frame.container:
            frame.key = key
            message = f"the key {quoted(key)} stands more than once in its mapping"
            self._note("yaml.duplicate_key", event, message)
        if event.anchor is not None:
            self._stop("yaml.key", event, "a key cannot have an anchor")
        frame.key = key

    def _open(self, event: Any) -> None:
        if event.tag is not None:
            self._stop("yaml.tag", event, "tags are not taken")
        if self._stack and self._stack[-1].wants_key:
            hint = "keys are texts; quote a value that begins with {{"
            self._stop("yaml.key", event, "a key is no text", hint)
        if len(self._stack) >= self._limits.max_depth:
            self._too_deep(event)
        self._counted(event, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        is_list = type(event).__name__ == "SequenceStartEvent"
        self._stack.append(_Open("", [] if is_list else {}, event.anchor))

    def _close(self, event: Any) -> None:  # noqa: ARG002 - taken like the others
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(
                frame.container, frame.values, frame.letters, frame.height
            )
        self._add(frame.container, frame.values, frame.letters, frame.height)

    def _alias(self, event: Any) -> None:
        if self._stack and self._stack[-1].wants_key:
            self._stop("yaml.key", event, "an alias cannot be a key")
        name = quoted(event.anchor)
        if event.anchor not in self._anchors:
            self._stop("yaml.alias", event, f"there is no anchor {name} before this alias")
        found = self._anchors[event.anchor]
        if found is None:
            self._stop("yaml.alias", event, f"the alias {name} stands inside what it names")
        if len(self._stack) + found.height > self._limits.max_depth:
            self._too_deep(event)
        self._counted(event, found.values)
        self._aliased_letters += found.letters
        if self._aliased_letters > _MOST_ALIASED_LETTERS:
            message = f"aliases add more than {_MOST_ALIASED_LETTERS} letters"
            self._stop("document.too_large", event, message)
        self._add(copy.deepcopy(found.value), found.values, found.letters, found.height)

    def _counted(self, event: Any, values: int) -> None:
        self._count += values
        if self._count > self._most:
            message = f"the document has more than {self._most} values"
            self._stop("document.too_large", event, message, _AS_JSON)

    def _add(self, value: Any, values: int, letters: int, height: int) -> None:
        if not self._stack:
            self.value = value
            return
        frame = self._stack[-1]
        frame.values += values
        frame.letters += letters
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.container, list):
            frame.container.append(value)
        else:
            frame.letters += len(frame.key or "")
            frame.container[frame.key or ""] = value
            frame.key = None

    def _pointer(self) -> str:
        parts: list[str | int] = []
        for frame in self._stack:
            if isinstance(frame.container, list):
                parts.append(len(frame.container))
            elif frame.key is not None:
                parts.append(frame.key)
        return pointer_of(*parts)

    def _note(self, code: str, event: Any, message: str, hint: str | None = None) -> None:
        place = _place(event.start_mark)
        self.findings.add(code, self._pointer(), f"{place}: {message}", hint)
        if self.findings.full:
            self.findings.refuse(None)

    def _too_deep(self, event: Any) -> NoReturn:
        most = self._limits.max_depth
        self._stop("yaml.depth", event, f"lists and objects are nested deeper than {most}")

    def _stop(self, code: str, event: Any, message: str, hint: str | None = None) -> NoReturn:
        _refuse(code, f"{_place(event.start_mark)}: {message}", hint, self._pointer())
