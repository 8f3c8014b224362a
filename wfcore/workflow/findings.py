"""The problems of one document: found in any order, told in the document's order, and bounded."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import nlargest
from itertools import pairwise
from typing import Any, Final, NoReturn

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem, did_you_mean

__all__ = ["Findings", "Vocabulary"]

# Collecting stops at so many times the number that is told: enough to tell the first ones in the
# document's order, and a bound on the cost of a hostile document.
_COLLECTED: Final = 10

# A search for a near name reads names of so many letters in all and measures the best few of them;
# all searches of one answer compare so many. Names have no more letters than ids.
_MEASURED: Final = 8
_LONGEST: Final = 128
_LETTERS_READ: Final = 300_000
_LETTERS_COMPARED: Final = 5_000_000


class Vocabulary:
    """The names that something may have, searched for the nearest to a misspelt one.

    A search compares pairs of letters first and measures only the best few names, so that it costs
    milliseconds at tens of thousands of names whatever they look like.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = names
        self._pairs: list[tuple[str, frozenset[str]]] = []
        self.letters = 0
        """How many letters a search reads."""

    def hint(self, name: str) -> str | None:
        """Return `did you mean "x"?` for the nearest name, or None."""
        if len(name) > _LONGEST:
            return None
        if not self._pairs:
            self._read()
        wanted = _pairs(name)
        best = nlargest(_MEASURED, self._pairs, key=lambda each: _likeness(wanted, each[1]))
        return did_you_mean(name, [each for each, _ in best])

    def _read(self) -> None:
        for name in self._names:
            self._pairs.append((name, _pairs(name)))
            self.letters += len(name)
            if self.letters > _LETTERS_READ:
                break


def _pairs(name: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters, with the edges marked."""
    text = f"^{name[:_LONGEST].casefold()}$"
    return frozenset(map("".join, pairwise(text)))


def _likeness(wanted: frozenset[str], other: frozenset[str]) -> float:
    return len(wanted & other) / (len(wanted) + len(other))


@dataclass(slots=True)
class _Finding:
    problem: Problem
    wanted: str
    among: Vocabulary | None


@dataclass(slots=True)
class Findings:
    """Collects problems; the search for near names waits until it is known which are told."""

    limit: int
    _found: list[_Finding] = field(default_factory=list)
    _codes: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        code: str,
        pointer: str,
        message: str,
        hint: str | None = None,
        *,
        wanted: str = "",
        among: Vocabulary | None = None,
    ) -> None:
        """Note a problem; with `among`, a near name to `wanted` takes the place of `hint`."""
        self._codes[code] += 1
        if not self.full:
            self._found.append(_Finding(Problem(code, pointer, message, hint), wanted, among))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that were found elsewhere."""
        for problem in problems:
            self.add(problem.code, problem.pointer, problem.message, problem.hint)

    @property
    def full(self) -> bool:
        """Whether so much is wrong that it makes no sense to look for more."""
        return len(self._found) >= self.limit * _COLLECTED

    def has(self, code: str) -> bool:
        """Whether a problem of this code was noted."""
        return self._codes[code] > 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return self._codes.total()

    def problems(self, document: Any) -> list[Problem]:
        """Return the problems by their places in `document`, the first `limit` of them."""
        places = _Places(document)
        ordered = sorted(self._found, key=lambda each: places.rank(each.problem.pointer))
        told = list(_with_hints(ordered[: self.limit]))
        if len(self) > len(told):
            told.append(_more(len(self) - len(told), at_least=self.full))
        return told

    def refuse(self, document: Any) -> NoReturn:
        """Raise `DocumentRefused` with the problems."""
        raise DocumentRefused(self.problems(document))


def _with_hints(findings: Iterable[_Finding]) -> Iterator[Problem]:
    """Yield the problems with near names in place of their hints, as long as that is cheap."""
    compared = 0
    for finding in findings:
        found = finding.problem
        hint = None
        if finding.among is not None and compared < _LETTERS_COMPARED:
            hint = finding.among.hint(finding.wanted)
            compared += finding.among.letters
        yield replace(found, hint=hint) if hint is not None else found


def _more(count: int, *, at_least: bool) -> Problem:
    bound = "at least " if at_least else ""
    message = f"{bound}{count} more problems are not shown"
    return Problem("problems.more", "", message, "mend these first")


class _Places:
    """Ranks JSON pointers by where they stand in a document."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._keys: dict[int, dict[str, int]] = {}

    def rank(self, pointer: str) -> list[int]:
        """Return the positions on the way; a place that does not exist ranks after its siblings."""
        value: Any = self._document
        ranks: list[int] = []
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                ranks.append(self._positions(value).get(name, len(value)))
                value = value.get(name)
            elif isinstance(value, list) and name.isdecimal() and len(name) <= 9:
                ranks.append(int(name))
                value = value[int(name)] if int(name) < len(value) else None
            else:
                break
        return ranks

    def _positions(self, value: dict[str, Any]) -> dict[str, int]:
        known = self._keys.get(id(value))
        if known is None:
            known = self._keys[id(value)] = {name: at for at, name in enumerate(value)}
        return known
