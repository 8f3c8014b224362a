"""What is known of a template before it is rendered: references, size, variables, guards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from jinja2 import nodes

from wfcore.templating.access import Step
from wfcore.templating.failure import Refusal
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.vocabulary import Vocabulary

__all__ = ["Analysis", "Guard", "Path", "constant_steps"]

Path: TypeAlias = tuple[Step, ...]
Guard: TypeAlias = tuple[str, Path]

_DEEPEST: Final = 100


class Analysis:
    """Gathered while a syntax tree is walked once, in the order of its text."""

    def __init__(self, vocabulary: Vocabulary, limits: TemplateLimits) -> None:
        self.vocabulary = vocabulary
        self.heavy = False
        self.parts = 0
        self.variables: set[str] = set()
        self.loops: list[bool] = []
        """One for each loop around this place: whether its body reads `loop`."""
        self._limits = limits
        self._references: dict[Reference, None] = {}
        self._guards: list[Guard] = []
        self._depth = 0

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every path that the template names, each once."""
        return tuple(self._references)

    @property
    def inside_tag(self) -> bool:
        """Whether this place is within a statement that is more than text."""
        return self._depth > 1

    def enter(self, node: nodes.Node) -> None:
        """Count a part, and one level of depth; `leave` follows."""
        self.count(1, node)
        self._depth += 1
        if self._depth > _DEEPEST:
            message = f"more than {_DEEPEST} operations are applied to one another"
            raise Refusal("too_complex", message, None, node.lineno)

    def leave(self) -> None:
        """Go back one level."""
        self._depth -= 1

    def count(self, parts: int, node: nodes.Node) -> None:
        """Count parts; refuse a template that has too many."""
        self.parts += parts
        if self.parts > self._limits.max_parts:
            message = f"the template has more than {self._limits.max_parts:,} parts"
            raise Refusal("too_complex", message, None, node.lineno)

    def refer(self, root: str, path: Path, *, optional: bool, is_node: bool) -> None:
        """Note that the template reads this path."""
        guarded = any(root == guard and path[: len(to)] == to for guard, to in self._guards)
        self._references[Reference(root, path, optional or guarded, is_node)] = None

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Variables that are set inside are forgotten after."""
        outer = self.variables
        self.variables = set(outer)
        yield
        self.variables = outer

    @contextmanager
    def guarded(self, guards: list[Guard]) -> Iterator[None]:
        """What is read inside, below these paths, may be missing: a test stands before it."""
        count = len(self._guards)
        self._guards += guards
        yield
        del self._guards[count:]

    def guards(self, test: nodes.Node) -> tuple[list[Guard], list[Guard]]:
        """Return the paths that are there where the test holds, and where it does not."""
        if isinstance(test, nodes.Not):
            holds, fails = self.guards(test.node)
            return fails, holds
        if isinstance(test, nodes.And):
            return self.guards(test.left)[0] + self.guards(test.right)[0], []
        if isinstance(test, nodes.Or):
            return [], self.guards(test.left)[1] + self.guards(test.right)[1]
        if isinstance(test, nodes.Test) and test.name in ("defined", "undefined"):
            guard = self._guard(test.node)
            return (guard, []) if test.name == "defined" else ([], guard)
        return [], []

    def _guard(self, node: nodes.Expr) -> list[Guard]:
        base, steps = constant_steps(node)
        if not isinstance(base, nodes.Name) or base.name in self.variables:
            return []
        if base.name == "nodes" and steps and isinstance(steps[0], str):
            return [(steps[0], steps[1:])]
        return [(base.name, steps)]


def constant_steps(node: nodes.Expr) -> tuple[nodes.Expr, Path]:
    """Split `a.b[0][i].c` into what the last constant steps stand on, `a.b[0][i]`, and those."""
    steps: list[Step] = []
    while True:
        step = _constant_step(node)
        if step is None:
            return node, tuple(reversed(steps))
        steps.append(step)
        node = node.node  # type: ignore[attr-defined]


def _constant_step(node: nodes.Expr) -> Step | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if not isinstance(node, nodes.Getitem):
        return None
    key = node.arg
    sign = 1
    if isinstance(key, nodes.Neg):
        key, sign = key.node, -1
    if not isinstance(key, nodes.Const) or isinstance(key.value, bool):
        return None
    if isinstance(key.value, str) and sign == 1:
        return key.value
    return key.value * sign if isinstance(key.value, int) else None
