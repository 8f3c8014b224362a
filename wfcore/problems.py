"""What is wrong with something that a user sent: one format for the API, the CLI and embedders."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["Problem", "did_you_mean", "nearest", "pointer"]

# A search for the nearest name reads at most so many candidates: the cost of an answer to a bad
# document stays bounded whatever its size.
_CANDIDATES = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, its place, and what to do about it.

    `code` is stable and documented (`reference.unknown_node`); `pointer` is an RFC 6901 JSON
    pointer into what was sent; `hint` is one sentence, or None.
    """

    code: str
    pointer: str
    message: str
    hint: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return the JSON object that the API and `--output json` show."""
        return {
            "code": self.code,
            "pointer": self.pointer,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        place = f"{self.pointer}: " if self.pointer else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


def pointer(*parts: str | int) -> str:
    """Build a JSON pointer (RFC 6901): `pointer("dag", "nodes", 0)` is `/dag/nodes/0`."""
    text = ""
    for part in parts:
        text += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return text


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `name` is most likely a misspelling of, if there is one."""
    wanted = name.casefold()
    seen: dict[str, str] = {}
    for candidate in candidates:
        if len(seen) >= _CANDIDATES:
            break
        if abs(len(candidate) - len(name)) <= max(3, len(name) // 2):
            seen.setdefault(candidate.casefold(), candidate)
    found = get_close_matches(wanted, seen, n=1, cutoff=0.6)
    return seen[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return the hint `did you mean "x"?` for the nearest candidate, or None."""
    found = nearest(name, candidates)
    return f'did you mean "{found}"?' if found is not None else None
