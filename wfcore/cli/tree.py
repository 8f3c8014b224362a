"""A DAG drawn as a tree: every node stands under the nearest node that all its ways lead through.

That is the dominator tree. A fan-out stands indented under the node that opens it; the join that
closes it stands beside its branches, after them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["GUIDES", "Guides", "Row", "lay_out"]

_DEEPEST: Final = 10
_NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Guides:
    """The four pieces that lines of a tree are drawn with, equally wide."""

    branch: str
    last: str
    through: str
    blank: str = "   "


GUIDES: Final = {
    True: Guides("├─ ", "└─ ", "│  "),
    False: Guides("|- ", "`- ", "|  "),
}
"""By whether the terminal can show more than ASCII."""


@dataclass(frozen=True, slots=True)
class Row:
    """One node of the drawing; `after` names the dependencies that its place does not show."""

    guide: str
    key: str
    after: str = ""


def lay_out(dependencies: Mapping[str, Sequence[str]], guides: Guides) -> list[Row]:
    """Return the rows of the drawing, from top to bottom."""
    children: dict[str | None, list[str]] = {None: []}
    parents: dict[str, str | None] = {}
    depths: dict[str | None, int] = {None: 0}
    for key in _in_order(dependencies):
        parent = _nearest_common(dependencies[key], parents, depths)
        parents[key] = parent
        depths[key] = depths[parent] + 1
        children.setdefault(parent, []).append(key)
    rows: list[Row] = []
    waiting = [(key, "", "") for key in reversed(children[None])]
    while waiting:
        key, own, below = waiting.pop()
        rows.append(Row(own, key, _after(dependencies[key])))
        under = children.get(key, [])
        grown = [_indented(below, each is under[-1], guides) for each in under]
        waiting.extend(
            (each, *pair) for each, pair in reversed(list(zip(under, grown, strict=True)))
        )
    return rows


def _in_order(dependencies: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the keys so that each stands after its dependencies."""
    successors: dict[str, list[str]] = {key: [] for key in dependencies}
    open_ones = {key: len(needed) for key, needed in dependencies.items()}
    for key, needed in dependencies.items():
        for dependency in needed:
            successors[dependency].append(key)
    order = [key for key, count in open_ones.items() if not count]
    for key in order:
        for successor in successors[key]:
            open_ones[successor] -= 1
            if not open_ones[successor]:
                order.append(successor)
    return order


def _nearest_common(
    keys: Sequence[str], parents: Mapping[str, str | None], depths: Mapping[str | None, int]
) -> str | None:
    common: str | None = keys[0] if keys else None
    for key in keys[1:]:
        other: str | None = key
        while common != other:
            if depths[common] >= depths[other]:
                common = parents[common] if common is not None else None
            else:
                other = parents[other] if other is not None else None
    return common


def _indented(below: str, last: bool, guides: Guides) -> tuple[str, str]:
    if len(below) >= _DEEPEST * len(guides.blank):
        return below, below
    own = below + (guides.last if last else guides.branch)
    return own, below + (guides.blank if last else guides.through)


def _after(dependencies: Sequence[str]) -> str:
    if len(dependencies) < 2:
        return ""
    shown = ", ".join(dependencies[:_NAMES_SHOWN])
    more = len(dependencies) - _NAMES_SHOWN
    return f"after {shown}" + (f" and {more} more" if more > 0 else "")
