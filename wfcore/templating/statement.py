"""From the statements of a template to functions of the frame: text, if, for, set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from wfcore.templating.access import Missing, describe, quoted
from wfcore.templating.analysis import Guard
from wfcore.templating.expression import ExpressionCompiler
from wfcore.templating.failure import Refusal, RenderError
from wfcore.templating.frame import Evaluate, Execute, Frame
from wfcore.templating.scope import OTHER_ROOTS
from wfcore.templating.sequence import items_of
from wfcore.templating.text import text_of

__all__ = ["StatementCompiler"]

_Target: TypeAlias = "str | tuple[_Target, ...]"

_NOT_ASSIGNED: Final = OTHER_ROOTS | {"nodes", "loop"}


class StatementCompiler(ExpressionCompiler):
    """Compiles the statements of one template, and with them its expressions."""

    def block(self, statements: Sequence[nodes.Node]) -> Execute:
        """Compile statements that stand one after another."""
        compiled: list[Execute] = []
        for statement in statements:
            compiler = _COMPILERS.get(type(statement))
            if compiler is None:
                kind = type(statement).__name__.lower()
                raise Refusal("tag", f"`{kind}` cannot be used here", None, statement.lineno)
            self.analysis.enter(statement)
            compiled.append(compiler(self, statement))
            self.analysis.leave()
        if len(compiled) == 1:
            return compiled[0]

        def execute(frame: Frame) -> None:
            for statement in compiled:
                statement(frame)

        return execute

    def text(self, node: nodes.Output) -> Execute:
        pieces = [self._piece(piece) for piece in node.nodes]

        def execute(frame: Frame) -> None:
            for piece in pieces:
                piece(frame)

        return pieces[0] if len(pieces) == 1 else execute

    def _piece(self, node: nodes.Expr) -> Execute:
        if isinstance(node, nodes.TemplateData):
            text = node.data
            return lambda frame: frame.write(text)
        evaluate = self.printed(node)
        return lambda frame: frame.write(text_of(evaluate(frame), frame.budget))

    def branch(self, node: nodes.If) -> Execute:
        analysis = self.analysis
        branches: list[tuple[Evaluate, Execute]] = []
        failed: list[Guard] = []
        for case in (node, *node.elif_):
            with analysis.guarded(failed):
                test = self.strict(case.test)
                holds, fails = analysis.guards(case.test)
                with analysis.guarded(holds):
                    branches.append((test, self.block(case.body)))
            failed += fails
        with analysis.guarded(failed):
            otherwise = self.block(node.else_)

        def execute(frame: Frame) -> None:
            for test, body in branches:
                if test(frame):
                    body(frame)
                    return
            otherwise(frame)

        return execute

    def loop(self, node: nodes.For) -> Execute:
        if node.recursive:
            raise Refusal("loop", "a loop cannot be recursive", None, node.lineno)
        analysis = self.analysis
        analysis.heavy = True
        items = self.strict(node.iter)
        with analysis.scope():
            target = self._target(node.target)
            before = analysis.parts
            keeps = self.strict(node.test) if node.test else None
            analysis.loops.append(False)
            body = self.block(node.body)
            reads_loop = analysis.loops.pop()
            cost = 1 + analysis.parts - before
        with analysis.scope():
            otherwise = self.block(node.else_)
        each = _looping(target, body, cost, reads_loop=reads_loop)

        def execute(frame: Frame) -> None:
            listed = items_of(frame.budget, items(frame))
            if keeps is not None:
                listed = _kept(frame, listed, target, keeps, cost)
            if listed:
                each(frame, listed)
            else:
                outer = frame.variables
                frame.variables = dict(outer)
                otherwise(frame)
                frame.variables = outer

        return execute

    def assign(self, node: nodes.Assign) -> Execute:
        evaluate = self.lenient(node.node)
        target = self._target(node.target)

        def execute(frame: Frame) -> None:
            _bind(frame.variables, target, evaluate(frame))

        return execute

    def assign_block(self, node: nodes.AssignBlock) -> Execute:
        if node.filter is not None:
            message = "a filter cannot stand in the set tag: apply it where the variable is used"
            raise Refusal("tag", message, None, node.lineno)
        with self.analysis.scope():
            body = self.block(node.body)
        target = self._target(node.target)

        def execute(frame: Frame) -> None:
            out, variables = frame.out, frame.variables
            frame.out, frame.variables = [], dict(variables)
            body(frame)
            frame.budget.room(sum(map(len, frame.out)))
            text = frame.budget.made("".join(frame.out))
            frame.out, frame.variables = out, variables
            _bind(variables, target, text)

        return execute

    def _target(self, node: nodes.Node) -> _Target:
        """Read what is assigned to: a name, or several."""
        if isinstance(node, nodes.Tuple):
            return tuple(self._target(item) for item in node.items)
        if not isinstance(node, nodes.Name):
            message = "only variables can be set, not what is inside a value"
            raise Refusal("variable", message, None, node.lineno)
        vocabulary = self.analysis.vocabulary
        if node.name in _NOT_ASSIGNED | vocabulary.functions.keys() | vocabulary.values.keys():
            message = f"{quoted(node.name)} has a meaning of its own and cannot be set"
            raise Refusal("variable", message, None, node.lineno)
        self.analysis.variables.add(node.name)
        return node.name


def _bind(variables: dict[str, Any], target: _Target, value: Any) -> None:
    if isinstance(target, str):
        variables[target] = value
        return
    if value.__class__ is Missing:
        raise value.error()
    if not isinstance(value, list) or len(value) != len(target):
        count = f" of {len(value)}" if isinstance(value, list) else ""
        raise RenderError(f"{describe(value)}{count} cannot be unpacked into {len(target)} names")
    for part, item in zip(target, value, strict=True):
        _bind(variables, part, item)


def _kept(
    frame: Frame, items: Sequence[Any], target: _Target, test: Evaluate, cost: int
) -> list[Any]:
    outer = frame.variables
    kept = []
    for item in items:
        frame.budget.spend(cost + len(outer))
        frame.variables = dict(outer)
        _bind(frame.variables, target, item)
        if test(frame):
            kept.append(item)
    frame.variables = outer
    return kept


def _looping(
    target: _Target, body: Execute, cost: int, *, reads_loop: bool
) -> Callable[[Frame, Sequence[Any]], None]:
    """Return what does the body for each item; variables set in one turn are gone in the next."""

    def each(frame: Frame, items: Sequence[Any]) -> None:
        outer = frame.variables
        budget = frame.budget
        for index in range(len(items)):
            budget.spend(cost + len(outer))
            variables = dict(outer)
            if reads_loop:
                variables["loop"] = _loop_data(items, index)
            _bind(variables, target, items[index])
            frame.variables = variables
            body(frame)
        frame.variables = outer

    return each


def _loop_data(items: Sequence[Any], index: int) -> dict[str, Any]:
    length = len(items)
    data = {
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }
    if index > 0:
        data["previtem"] = items[index - 1]
    if index + 1 < length:
        data["nextitem"] = items[index + 1]
    return data


_COMPILERS: Final[Mapping[type[nodes.Node], Callable[[StatementCompiler, Any], Execute]]] = {
    nodes.Output: StatementCompiler.text,
    nodes.If: StatementCompiler.branch,
    nodes.For: StatementCompiler.loop,
    nodes.Assign: StatementCompiler.assign,
    nodes.AssignBlock: StatementCompiler.assign_block,
}
