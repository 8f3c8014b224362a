"""What a retry takes over from the execution that it takes up again."""

from collections.abc import Iterable
from dataclasses import dataclass

from wfcore.engine.plan import Plan

__all__ = ["Reuse", "reuse_of"]


@dataclass(frozen=True, slots=True)
class Reuse:
    """The outputs of `source`'s COMPLETED nodes, but for the nodes that run `anew` all the same."""

    source: str
    anew: frozenset[str]
    notices: tuple[str, ...] = ()
    """What stood on `source`'s result: the reused nodes put it on this one's, in turn."""

    def notice(self, position: int) -> str | None:
        """Return the notice that the node at this place of the document carries over."""
        return self.notices[position % len(self.notices)] if self.notices else None


def reuse_of(source: str, changed: Iterable[str], notices: tuple[str, ...], plan: Plan) -> Reuse:
    """Return what a retry of `source` reuses.

    Nodes whose config `changed` run anew, and all that come after them: what they read is new.
    """
    anew: set[str] = set()
    reached = list(changed)
    while reached:
        key = reached.pop()
        if key not in anew:
            anew.add(key)
            reached.extend(edge.key for edge in plan.nodes[key].edges)
    return Reuse(source, frozenset(anew), notices)
