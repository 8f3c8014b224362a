"""One template: what it needs, and its value."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from jinja2 import nodes

from wfcore.templating.access import Missing, resolve
from wfcore.templating.analysis import Analysis
from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError
from wfcore.templating.frame import Evaluate, Execute, Frame
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.statement import StatementCompiler
from wfcore.templating.text import text_of
from wfcore.templating.vocabulary import Vocabulary

__all__ = ["PlainTemplate", "ProgramTemplate", "Template"]

_LIGHT_PARTS = 64


class Template(ABC):
    """A parsed template; any number of threads may render it at once."""

    __slots__ = ("heavy", "is_expression", "references")

    references: tuple[Reference, ...]
    """Every path that it names, each once."""
    is_expression: bool
    """It is exactly one `{{ }}`, and its value any JSON value; else it is a text."""
    heavy: bool
    """Rendering it may take long, whatever the size of the data."""

    @abstractmethod
    def value(self, names: Mapping[str, Any], budget: Budget) -> Any:
        """Return what it gives, possibly shared with the data; raises `RenderError`."""


class PlainTemplate(Template):
    """Text with nothing but paths in it."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: list[str | Reference]) -> None:
        self._pieces = pieces
        found = [piece for piece in pieces if not isinstance(piece, str)]
        self.references = tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))
        self.is_expression = len(pieces) == 1 and bool(found)
        self.heavy = False

    def value(self, names: Mapping[str, Any], budget: Budget) -> Any:
        values = []
        for piece in self._pieces:
            if isinstance(piece, str):
                values.append(piece)
                continue
            value = resolve(names, piece.root, piece.path)
            if value.__class__ is Missing:
                raise value.error()
            values.append(value)
        if self.is_expression:
            return values[0]
        return _joined([text_of(value, budget) for value in values], budget)


class ProgramTemplate(Template):
    """Anything that Jinja's syntax says, within our bounds."""

    __slots__ = ("_parts", "_render", "_vocabulary")

    def __init__(
        self, tree: nodes.Template, vocabulary: Vocabulary, limits: TemplateLimits
    ) -> None:
        analysis = Analysis(vocabulary, limits)
        compiler = StatementCompiler(analysis)
        expression = _only_expression(tree)
        self.is_expression = expression is not None
        self._render: Evaluate = (
            compiler.printed(expression) if expression else _text(compiler.block(tree.body))
        )
        self._vocabulary = vocabulary
        self._parts = analysis.parts
        self.references = analysis.references
        self.heavy = analysis.heavy or analysis.parts > _LIGHT_PARTS

    def value(self, names: Mapping[str, Any], budget: Budget) -> Any:
        budget.spend(self._parts)
        try:
            return self._render(Frame(names, budget, self._vocabulary))
        except RecursionError:
            raise RenderError("the template is nested too deep to be rendered here") from None


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """Return the expression, if the template is one `{{ }}` and nothing else."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    pieces = tree.body[0].nodes
    return pieces[0] if len(pieces) == 1 and not isinstance(pieces[0], nodes.TemplateData) else None


def _text(execute: Execute) -> Evaluate:
    def render(frame: Frame) -> str:
        execute(frame)
        return _joined(frame.out, frame.budget)

    return render


def _joined(texts: list[str], budget: Budget) -> str:
    budget.room(sum(map(len, texts)))
    return budget.made("".join(texts))
