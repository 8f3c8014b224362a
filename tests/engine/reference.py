"""How executions must end: random workflows, and a sequential reference that shares no code."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.engine.documents import Json, node, workflow

__all__ = ["ALWAYS", "ATTEMPTS", "Case", "drawn"]

ALWAYS: Final = 1_000_000
ATTEMPTS: Final = 3
"""One more than the failures that are drawn for a node that ends well."""


@dataclass
class Case:
    """A workflow, how often each node fails, and how each must end."""

    document: Json
    failures: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    joins: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    on_error: dict[str, str] = field(default_factory=dict)
    status: str = "COMPLETED"

    def outputs(self) -> dict[str, Any]:
        """What the nodes that COMPLETED say of their dependencies."""
        seen: dict[str, Any] = {}
        for key, (join, before) in self.joins.items():
            if self.states[key] == "COMPLETED":
                # Under any_success, a dependency may still be open when the node reads it.
                told = before if join != "any_success" else ()
                seen[key] = {"value": {each: self.states[each] for each in told}}
        return seen


def drawn(seed: int, size: int = 25, wide: int = 0) -> Case:
    """Draw a workflow by its seed, and run it in the head."""
    dice = Random(seed)
    nodes: list[Json] = []
    case = Case({})
    for at in range(size):
        before = tuple(f"n{each}" for each in range(at) if dice.random() < 2.5 / (at + 1))
        _add(case, nodes, f"n{at}", before, dice)
    for at in range(wide):
        _add(case, nodes, f"w{at}", ("n0",), dice)
    if wide:
        _add(case, nodes, "end", tuple(f"w{at}" for at in range(wide)), dice)
    case.document = workflow(*nodes)
    return case


def _add(case: Case, nodes: list[Json], key: str, before: tuple[str, ...], dice: Random) -> None:
    join = dice.choice(["all_success", "all_success", "all_done", "any_success"])
    on_error = dice.choice(["fail", "continue", "continue"])
    when = dice.random() > 0.15
    failures = dice.choice([0, 0, 0, 0, 1, 2, ALWAYS])
    told = before if join != "any_success" else ()
    nodes.append(
        node(
            key,
            "act",
            *before,
            join=join,
            on_error=on_error,
            when=f"{{{{ execution.input.{'yes' if when else 'no'} }}}}",
            retry={"max_attempts": ATTEMPTS, "initial_interval": 0.002},
            seen={each: f"{{{{ nodes['{each}'].state }}}}" for each in told},
        )
    )
    case.failures[key] = failures
    case.joins[key] = (join, before)
    case.states[key] = _end(case, join, before, when=when, fails=failures >= ATTEMPTS)
    case.on_error[key] = on_error
    if case.states[key] == "FAILED" and on_error == "fail":
        case.status = "FAILED"


def _end(case: Case, join: str, before: tuple[str, ...], *, when: bool, fails: bool) -> str:
    good = [
        case.states[each] == "COMPLETED"
        or (case.states[each] == "FAILED" and case.on_error[each] == "continue")
        for each in before
    ]
    judged = {
        "all_success": all(good),
        "all_done": True,
        "any_success": any(good) or not good,
    }[join]
    if not judged or not when:
        return "SKIPPED"
    return "FAILED" if fails else "COMPLETED"
