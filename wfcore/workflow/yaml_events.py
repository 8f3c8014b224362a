"""The events of a YAML text, from the parser of ruamel.yaml: imported only where there is YAML."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scanner import Scanner, ScannerError

__all__ = ["NotYaml", "events_of"]

# Ends of lines in YAML 1.1 and plain letters in 1.2; the parser takes them for both.
_DOUBTFUL_ENDS: Final = re.compile("[\x85\u2028\u2029]")
_LONGEST_TAG: Final = 256
_SPACE: Final = re.compile(r"\s")


class NotYaml(Exception):
    """The text cannot be read; says where and why."""


class _Scanner(Scanner):
    """Refuses a long tag where it begins: reading it would take quadratic time."""

    def fetch_tag(self) -> None:
        beginning = self.reader.prefix(_LONGEST_TAG)
        if len(beginning) == _LONGEST_TAG and not _SPACE.search(beginning):
            raise ScannerError(None, None, "the tag has no end", self.reader.get_mark())
        super().fetch_tag()


def events_of(text: str) -> Iterator[Any]:
    """Yield the events of the parser; raises `NotYaml`."""
    doubtful = _DOUBTFUL_ENDS.search(text)
    if doubtful is not None:
        name = f"U+{ord(doubtful[0]):04X}"
        message = f"readers of YAML disagree whether {name} ends a line; write it as an escape"
        raise NotYaml(f"{_place_in(text, doubtful.start())}: {message}")
    reader = YAML(typ="safe", pure=True)
    reader.Scanner = _Scanner
    try:
        yield from reader.parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise NotYaml(f"{place}{said}") from error
    except YAMLError as error:
        place = _place_in(text, getattr(error, "position", 0))
        raise NotYaml(f"{place}: this character is not allowed in YAML") from error
    except (ValueError, OverflowError, IndexError, AssertionError) as error:
        # The parser itself stumbles, at "\UFFFFFFFF" and the like.
        raise NotYaml(f"this cannot be read as YAML ({error})") from error


def _place_in(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"
