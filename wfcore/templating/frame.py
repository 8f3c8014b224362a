"""The state of one template while it is rendered."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from wfcore.templating.budget import Budget

if TYPE_CHECKING:
    from wfcore.templating.vocabulary import Vocabulary

__all__ = ["Evaluate", "Execute", "Frame"]


class Frame:
    """What an expression can reach: the data, its variables, the budget, the filters."""

    __slots__ = ("budget", "names", "out", "variables", "vocabulary")

    def __init__(self, names: Mapping[str, Any], budget: Budget, vocabulary: "Vocabulary") -> None:
        self.names = names
        self.budget = budget
        self.vocabulary = vocabulary
        self.variables: dict[str, Any] = {}
        self.out: list[str] = []

    def write(self, text: str) -> None:
        """Append to the text that is being made."""
        self.budget.allocate(len(text))
        self.out.append(text)


Evaluate: TypeAlias = Callable[[Frame], Any]
"""A compiled expression."""

Execute: TypeAlias = Callable[[Frame], None]
"""A compiled statement."""
