"""The syntax tree of usual templates, read at a fifth of what Jinja's lexer and parser cost.

Usual are texts with paths, `{{ path | filter('text', 1) }}`, and `{% if path | filter %}` with its
`else`. The tree is the one that Jinja gives, line numbers included; what might not be is left to
Jinja, and so is all that is wrong.
"""

import re
from typing import Final

from jinja2 import nodes

from wfcore.templating.limits import TemplateLimits
from wfcore.templating.path import EACH_STEP, NAME, NO_ROOTS, STEP, has_marks

__all__ = ["read_usual"]

_LITERAL: Final = r"(?:'[^'\\]*'|\"[^\"\\]*\"|0|[1-9][0-9]{0,8})"
_FILTER: Final = rf"[ \t]*\|[ \t]*{NAME}(?:\((?:{_LITERAL}(?:,[ \t]*{_LITERAL})*)?\))?"
_EXPRESSION: Final = rf"({NAME})((?:{STEP})*)((?:{_FILTER})*)"
_TAG: Final = re.compile(
    rf"\{{(?:(\{{)|%[ \t]*if[ \t])[ \t]*{_EXPRESSION}[ \t]*(?(1)\}}|%)\}}"
    r"|\{%[ \t]*(else|endif)[ \t]*%\}"
)
_EACH_FILTER: Final = re.compile(rf"\|[ \t]*({NAME})(?:\(((?:'[^']*'|\"[^\"]*\"|[^)'\"])*)\))?")
_EACH_LITERAL: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|([0-9]+)")
_OWN_NESTING: Final = 2
"""Of an expression: itself, and what stands in its brackets."""


def read_usual(source: str, limits: TemplateLimits) -> nodes.Template | None:
    """Return the tree of a template; None: it is not a usual one."""
    if len(source) > limits.max_words:  # else it has no more words either
        return None
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    reader = _Reader()
    end = 0
    for match in _TAG.finditer(source):
        text = source[end : match.start()]
        end = match.end()
        if has_marks(text) or text[-1:] == "{" or "\n" in match[0]:
            return None
        reader.text(text)
        if not reader.tag(*match.groups()) or reader.nesting + _OWN_NESTING > limits.max_nesting:
            return None
    text = source[end:]
    if has_marks(text) or reader.nesting:
        return None
    reader.text(text)
    return reader.finish()


class _Reader:
    """Builds the tree, piece by piece."""

    def __init__(self) -> None:
        self._line = 1
        self._body: list[nodes.Node] = []
        """The statements before this place."""
        self._pieces: list[nodes.Expr] = []
        """What stands here since the last of them."""
        self._around: list[tuple[nodes.If, list[nodes.Node]]] = []
        """The conditions that are open, each with the statements before it."""

    @property
    def nesting(self) -> int:
        return len(self._around)

    def text(self, text: str) -> None:
        if text:
            self._pieces.append(nodes.TemplateData(text, lineno=self._line))
            self._line += text.count("\n")

    def tag(
        self, braces: str | None, root: str | None, steps: str, filters: str, word: str | None
    ) -> bool:
        """Read a tag; False: it means something else, or cannot stand here."""
        if root is None:
            return self._else() if word == "else" else self._endif()
        if root in NO_ROOTS:
            return False
        expression = self._expression(root, steps, filters)
        if braces:
            self._pieces.append(expression)
        else:
            self._if(expression)
        return True

    def finish(self) -> nodes.Template:
        self._flush()
        return nodes.Template(self._body, lineno=1)

    def _flush(self) -> None:
        if self._pieces:
            self._body.append(nodes.Output(self._pieces, lineno=self._pieces[0].lineno))
            self._pieces = []

    def _if(self, test: nodes.Expr) -> None:
        self._flush()
        condition = nodes.If(test, [], [], [], lineno=self._line)
        self._body.append(condition)
        self._around.append((condition, self._body))
        self._body = condition.body

    def _else(self) -> bool:
        self._flush()
        if not self._around or self._body is self._around[-1][0].else_:
            return False
        self._body = self._around[-1][0].else_
        return True

    def _endif(self) -> bool:
        self._flush()
        if not self._around:
            return False
        _, self._body = self._around.pop()
        return True

    def _expression(self, root: str, steps: str, filters: str) -> nodes.Expr:
        line = self._line
        node: nodes.Expr = nodes.Name(root, "load", lineno=line)
        for name, index, single, double in EACH_STEP.findall(steps):
            if name:
                node = nodes.Getattr(node, name, "load", lineno=line)
            else:
                key = nodes.Const(int(index) if index else single or double, lineno=line)
                node = nodes.Getitem(node, key, "load", lineno=line)
        for name, written in _EACH_FILTER.findall(filters):
            arguments = [
                nodes.Const(int(digits) if digits else single or double, lineno=line)
                for single, double, digits in _EACH_LITERAL.findall(written)
            ]
            node = nodes.Filter(node, name, arguments, [], None, None, lineno=line)
        return node
