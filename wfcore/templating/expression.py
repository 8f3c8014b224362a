"""From an expression's syntax tree to a function of the frame.

Each kind of expression that exists is one method here, and a kind without one is refused. Nothing
here reads an attribute of a value: data is reached through `access` alone.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from jinja2 import nodes

from wfcore.problems import did_you_mean
from wfcore.templating.access import Missing, describe, path_text, quoted, resolve, walk
from wfcore.templating.analysis import Analysis, Path, constant_steps
from wfcore.templating.application import application, find, find_function
from wfcore.templating.failure import Refusal, RenderError
from wfcore.templating.frame import Evaluate, Frame
from wfcore.templating.operators import BINARY, COMPARISONS, UNARY, compare_cost
from wfcore.templating.reference import names_secret
from wfcore.templating.scope import OTHER_ROOTS, SECRETS
from wfcore.templating.text import text_of

__all__ = ["LOOP_NAMES", "ExpressionCompiler"]

LOOP_NAMES: Final = (
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
    "previtem",
    "nextitem",
)

_INTEGER_BITS: Final = 63
_CAN_MISS: Final = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.CondExpr)
_NO_KEYS: Final = (nodes.Const, nodes.List, nodes.Tuple)
_LENIENT_TESTS: Final = frozenset({"defined", "undefined"})
_LENIENT_FILTERS: Final = frozenset({"default", "d"})


class ExpressionCompiler:
    """Compiles the expressions of one template, noting in `analysis` what they need."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def printed(self, node: nodes.Expr) -> Evaluate:
        """Compile what stands as a whole in `{{ }}`: the one place where a secret can."""
        base, steps = constant_steps(node)
        if not isinstance(base, nodes.Name) or base.name != SECRETS:
            return self.strict(node)
        if not names_secret(steps) or self.analysis.inside_tag:
            raise _lone_secret(base, steps)
        self.analysis.count(1 + len(steps), node)
        self.analysis.refer(SECRETS, steps, optional=False, is_node=False)
        return lambda frame: resolve(frame.names, SECRETS, steps)

    def strict(self, node: nodes.Node) -> Evaluate:
        """Compile an expression whose value is used: one that is missing is an error."""
        evaluate = self.lenient(node)
        if not isinstance(node, _CAN_MISS):
            return evaluate

        def checked(frame: Frame) -> Any:
            value = evaluate(frame)
            if value.__class__ is Missing:
                raise value.error()
            return value

        return checked

    def lenient(self, node: nodes.Node, *, optional: bool = False) -> Evaluate:
        """Compile an expression whose value may be a `Missing`.

        `optional`: a path, if it is one, is asked for with `default` or `is defined`.
        """
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._path(node, optional)
        compiler = _COMPILERS.get(type(node))
        if compiler is None:
            kind = type(node).__name__.lower()
            raise Refusal("expression", f"`{kind}` cannot be used here", None, node.lineno)
        self.analysis.enter(node)
        evaluate = compiler(self, node)
        self.analysis.leave()
        return evaluate

    def _path(self, node: nodes.Expr, optional: bool) -> Evaluate:
        base, steps = constant_steps(node)
        self.analysis.enter(node)
        self.analysis.count(len(steps), node)
        if isinstance(base, nodes.Name):
            evaluate = self._named(base, steps, optional)
        elif isinstance(base, nodes.Getitem):
            evaluate = _stepping(self._computed(base, optional), _label(base), steps)
        else:
            if isinstance(base, _NO_KEYS) and steps and isinstance(steps[0], str):
                message = f"a literal has no {quoted(steps[0])}; use a filter"
                raise Refusal("attribute", message, None, node.lineno)
            evaluate = _stepping(self.lenient(base), _label(base), steps)
        self.analysis.leave()
        return evaluate

    def _named(self, base: nodes.Name, steps: Path, optional: bool) -> Evaluate:
        name = base.name
        vocabulary = self.analysis.vocabulary
        if name in self.analysis.variables:
            return _variable(name, steps)
        if name == "loop":
            return self._loop_data(base, steps)
        if name in vocabulary.functions:
            raise Refusal("call", f"`{name}` is a function: write `{name}(...)`", None, base.lineno)
        if name in vocabulary.values:
            value = vocabulary.values[name]
            return lambda _frame: walk(value, name, steps)
        if name == SECRETS:
            raise _lone_secret(base, steps)
        root, path, is_node = name, steps, name not in OTHER_ROOTS
        if name == "nodes":
            root, path, is_node = *_node_of(base, steps), True
        self.analysis.refer(root, path, optional=optional, is_node=is_node)
        return lambda frame: resolve(frame.names, root, path)

    def _loop_data(self, base: nodes.Name, steps: Path) -> Evaluate:
        if not self.analysis.loops:
            raise Refusal("loop", "`loop` stands only inside a for", None, base.lineno)
        if not steps or steps[0] not in LOOP_NAMES:
            asked = str(steps[0]) if steps else ""
            hint = did_you_mean(asked, LOOP_NAMES) or f"it has {', '.join(LOOP_NAMES)}"
            lack = f"has no {quoted(asked)}" if steps else "is no value by itself"
            raise Refusal("loop", f"`loop` {lack}", hint, base.lineno)
        self.analysis.loops[-1] = True
        return _variable("loop", steps)

    def _computed(self, node: nodes.Getitem, optional: bool) -> Evaluate:
        """Compile one subscript that is no constant: `a[i]`, `a[1:3]`."""
        container = self.lenient(node.node, optional=optional)
        if isinstance(node.arg, nodes.Slice):
            return self._sliced(container, node.arg)
        key = self.strict(node.arg)
        label = _label(node.node)

        def evaluate(frame: Frame) -> Any:
            value = container(frame)
            step = key(frame)
            if isinstance(step, bool) or not isinstance(step, str | int):
                raise RenderError(f"`[...]` takes a text or a whole number, not {describe(step)}")
            return walk(value, label, (step,))

        return evaluate

    def _sliced(self, container: Evaluate, node: nodes.Slice) -> Evaluate:
        parts = [self.strict(p) if p else None for p in (node.start, node.stop, node.step)]

        def evaluate(frame: Frame) -> Any:
            value = container(frame)
            if value.__class__ is Missing:
                return value
            if not isinstance(value, str | list):
                raise RenderError(f"{describe(value)} cannot be sliced")
            bounds = [part(frame) if part else None for part in parts]
            if not all(bound is None or type(bound) is int for bound in bounds):
                raise RenderError("a slice takes whole numbers")
            if bounds[2] == 0:
                raise RenderError("a slice cannot have steps of 0")
            frame.budget.allocate(64 + 8 * len(value))
            return value[slice(*bounds)]

        return evaluate

    def constant(self, node: nodes.Const) -> Evaluate:
        value = node.value
        if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
            raise Refusal("number", "a whole number has more than 64 bits", None, node.lineno)
        if isinstance(value, float) and not isfinite(value):
            raise Refusal("number", "a number is too large", None, node.lineno)
        if isinstance(value, str) and not _is_unicode(value):
            raise Refusal("text", "a text has a lone surrogate", None, node.lineno)
        return lambda _frame: value

    def array(self, node: nodes.List | nodes.Tuple) -> Evaluate:
        items = [self.strict(item) for item in node.items]
        size = 56 + 8 * len(items)

        def evaluate(frame: Frame) -> Any:
            frame.budget.allocate(size)
            return [item(frame) for item in items]

        return evaluate

    def object(self, node: nodes.Dict) -> Evaluate:
        pairs = [(self.strict(pair.key), self.strict(pair.value)) for pair in node.items]
        size = 184 + 40 * len(pairs)

        def evaluate(frame: Frame) -> Any:
            frame.budget.allocate(size)
            made = {}
            for key, value in pairs:
                name = key(frame)
                if not isinstance(name, str):
                    raise RenderError(f"the keys of an object are texts, not {describe(name)}")
                made[name] = value(frame)
            return made

        return evaluate

    def conditional(self, node: nodes.CondExpr) -> Evaluate:
        test = self.strict(node.test)
        holds, fails = self.analysis.guards(node.test)
        with self.analysis.guarded(holds):
            then = self.lenient(node.expr1)
        if node.expr2 is None:
            nothing = Missing("the condition is false and there is no `else`")
            return lambda frame: then(frame) if test(frame) else nothing
        with self.analysis.guarded(fails):
            otherwise = self.lenient(node.expr2)
        return lambda frame: then(frame) if test(frame) else otherwise(frame)

    def conjunction(self, node: nodes.And) -> Evaluate:
        left = self.strict(node.left)
        with self.analysis.guarded(self.analysis.guards(node.left)[0]):
            right = self.strict(node.right)
        return lambda frame: left(frame) and right(frame)

    def disjunction(self, node: nodes.Or) -> Evaluate:
        left = self.strict(node.left)
        with self.analysis.guarded(self.analysis.guards(node.left)[1]):
            right = self.strict(node.right)
        return lambda frame: left(frame) or right(frame)

    def unary(self, node: nodes.UnaryExpr) -> Evaluate:
        operand = self.strict(node.node)
        function = UNARY[type(node)]
        return lambda frame: function(operand(frame))

    def binary(self, node: nodes.BinExpr) -> Evaluate:
        left, right = self.strict(node.left), self.strict(node.right)
        function = BINARY[type(node)]
        return lambda frame: function(frame.budget, left(frame), right(frame))

    def joined(self, node: nodes.Concat) -> Evaluate:
        operands = [self.strict(operand) for operand in node.nodes]

        def evaluate(frame: Frame) -> Any:
            budget = frame.budget
            texts = [text_of(operand(frame), budget) for operand in operands]
            budget.room(sum(map(len, texts)))
            return budget.made("".join(texts))

        return evaluate

    def comparison(self, node: nodes.Compare) -> Evaluate:
        first = self.strict(node.expr)
        rest = [(COMPARISONS[part.op], self.strict(part.expr)) for part in node.ops]

        def evaluate(frame: Frame) -> Any:
            left = first(frame)
            compare_cost(frame.budget, left)
            for function, operand in rest:
                right = operand(frame)
                compare_cost(frame.budget, right)
                if not function(left, right):
                    return False
                left = right
            return True

        return evaluate

    def filtered(self, node: nodes.Filter) -> Evaluate:
        if node.node is None:
            message = "a filter cannot stand in the set tag: apply it where the variable is used"
            raise Refusal("tag", message, None, node.lineno)
        ability = find("filter", node, self.analysis.vocabulary.filters, self.analysis)
        if node.name in _LENIENT_FILTERS:
            operand = self.lenient(node.node, optional=True)
        else:
            operand = self.strict(node.node)
        return application(ability, [operand], node, self.strict)

    def tested(self, node: nodes.Test) -> Evaluate:
        ability = find("test", node, self.analysis.vocabulary.tests, self.analysis)
        if node.name in _LENIENT_TESTS:
            operand = self.lenient(node.node, optional=True)
        else:
            operand = self.strict(node.node)
        return application(ability, [operand], node, self.strict)

    def called(self, node: nodes.Call) -> Evaluate:
        ability = find_function(node, self.analysis)
        return application(ability, [], node, self.strict)


def _variable(name: str, steps: Path) -> Evaluate:
    unset = Missing(f"{quoted(name)} is not set", name)
    if not steps:
        return lambda frame: frame.variables.get(name, unset)
    return lambda frame: walk(frame.variables.get(name, unset), name, steps)


def _stepping(evaluate: Evaluate, label: str, steps: Path) -> Evaluate:
    if not steps:
        return evaluate
    return lambda frame: walk(evaluate(frame), label, steps)


def _node_of(base: nodes.Name, steps: Path) -> tuple[str, Path]:
    """Read `nodes['an-id'].output`: the id must stand there, so that its output can be fetched."""
    root = steps[0] if steps else None
    if not isinstance(root, str) or root in OTHER_ROOTS:
        hint = "write nodes['the-id'].output"
        raise Refusal("nodes", "`nodes` takes a constant node id", hint, base.lineno)
    return root, steps[1:]


def _lone_secret(base: nodes.Name, steps: Path) -> Refusal:
    name = steps[0] if names_secret(steps[:1]) else "NAME"
    message = f"a secret stands alone: `{{{{ {SECRETS}.{name} }}}}`, outside of tags"
    hint = "no filter, test, operator or tag can be applied to it; text may stand around it"
    if steps[:1] and not names_secret(steps[:1]):
        hint = "its name has letters, digits and `_`, and does not end in `_HOSTS`"
    return Refusal("secret", message, hint, base.lineno)


def _label(node: nodes.Expr) -> str:
    """Return how an expression is called in messages; computed parts are not spelt out."""
    base, steps = constant_steps(node)
    if isinstance(base, nodes.Name):
        return path_text(base.name, steps)
    return path_text("(...)", steps)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_COMPILERS: Final[Mapping[type[nodes.Node], Callable[[ExpressionCompiler, Any], Evaluate]]] = {
    nodes.Const: ExpressionCompiler.constant,
    nodes.List: ExpressionCompiler.array,
    nodes.Tuple: ExpressionCompiler.array,
    nodes.Dict: ExpressionCompiler.object,
    nodes.CondExpr: ExpressionCompiler.conditional,
    nodes.And: ExpressionCompiler.conjunction,
    nodes.Or: ExpressionCompiler.disjunction,
    nodes.Concat: ExpressionCompiler.joined,
    nodes.Compare: ExpressionCompiler.comparison,
    nodes.Filter: ExpressionCompiler.filtered,
    nodes.Test: ExpressionCompiler.tested,
    nodes.Call: ExpressionCompiler.called,
    **dict.fromkeys(UNARY, ExpressionCompiler.unary),
    **dict.fromkeys(BINARY, ExpressionCompiler.binary),
}
