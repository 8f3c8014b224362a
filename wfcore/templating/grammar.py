"""What may be written: Jinja's own syntax, read by Jinja, less what reaches beyond data."""

from collections.abc import Iterator
from typing import Any, Final, NoReturn

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wfcore.problems import did_you_mean
from wfcore.templating.failure import Refusal
from wfcore.templating.limits import TemplateLimits

__all__ = ["Sandbox"]

_TAGS: Final = frozenset({"for", "if", "set"})
_INNER_TAGS: Final = frozenset({"elif", "else", "endif", "endfor", "endset"})
_ALL_TAGS: Final = sorted(_TAGS | _INNER_TAGS | {"raw", "endraw"})


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, closed further: it reads templates and never makes Python code of them.

    What it reads is evaluated by `wfcore.templating.expression` and `statement`, which know JSON
    values only.
    """

    def __init__(self, limits: TemplateLimits) -> None:
        super().__init__(keep_trailing_newline=True, cache_size=0)
        self.limits = limits

    def read(self, source: str) -> nodes.Template:
        """Return the syntax tree of a template; raises `Refusal`."""
        parser: _BoundedParser | None = None
        try:
            parser = _BoundedParser(self, source)
            return parser.read()
        except TemplateSyntaxError as error:
            raise Refusal("syntax", error.message or "not a template", None, error.lineno) from None
        except ValueError as error:
            # Jinja's lexer leaves a number of thousands of digits to Python, which refuses it.
            line = parser.stream.current.lineno if parser else 1
            raise Refusal("syntax", f"a number is too large: {error}", None, line) from None
        except RecursionError:
            raise Refusal("too_complex", "the template is nested too deep") from None

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        """Split a template into words, and stop where there are too many to go on."""
        tokens = self.lexer.wrap(self.lexer.tokeniter(source, name, filename, state))
        return TokenStream(self._counted(tokens), name, filename)

    def _counted(self, tokens: Iterator[Token]) -> Iterator[Token]:
        left = self.limits.max_words
        for token in tokens:
            left -= 1
            if left < 0:
                message = f"the template has more than {self.limits.max_parts:,} parts"
                raise Refusal("too_complex", message, None, token.lineno)
            yield token

    def _generate(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotImplementedError("templates are never turned into Python code")


class _BoundedParser(Parser):
    """Jinja's parser, with a bound on depth, and only the tags that we have."""

    environment: Sandbox

    def __init__(self, environment: Sandbox, source: str) -> None:
        self._limits = environment.limits
        self._nesting = 0
        super().__init__(environment, source)

    def read(self) -> nodes.Template:
        """Parse all of it; `parse` would walk the tree once more, for a code generator's sake."""
        return nodes.Template(self.subparse(), lineno=1)

    def parse_statement(self) -> nodes.Node | list[nodes.Node]:
        token = self.stream.current
        if token.type == "name" and token.value not in _TAGS | _INNER_TAGS:
            hint = did_you_mean(token.value, _ALL_TAGS) or "the tags are for, if, set and raw"
            raise Refusal("tag", f"there is no tag `{token.value}`", hint, token.lineno)
        self._enter()
        statement = super().parse_statement()
        self._nesting -= 1
        return statement

    def parse_expression(self, with_condexpr: bool = True) -> nodes.Expr:
        self._enter()
        expression = super().parse_expression(with_condexpr)
        self._nesting -= 1
        return expression

    def _enter(self) -> None:
        self._nesting += 1
        if self._nesting > self._limits.max_nesting:
            message = f"brackets and tags are nested deeper than {self._limits.max_nesting}"
            raise Refusal("too_complex", message, None, self.stream.current.lineno)
