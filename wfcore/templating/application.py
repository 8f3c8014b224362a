"""Filters, tests and calls in expressions: found, checked and bound to their arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from wfcore.problems import did_you_mean
from wfcore.templating.access import quoted
from wfcore.templating.analysis import Analysis
from wfcore.templating.failure import Refusal
from wfcore.templating.frame import Evaluate, Frame
from wfcore.templating.vocabulary import Ability, Kind

__all__ = ["application", "find", "find_function"]

# Where a filter takes the name of another word, and which argument that is.
_NAMED_WORDS: Final[Mapping[str, tuple[Kind, int]]] = {
    "map": ("filter", 0),
    "select": ("test", 0),
    "reject": ("test", 0),
    "selectattr": ("test", 1),
    "rejectattr": ("test", 1),
}


def find(
    kind: Kind, node: nodes.Filter | nodes.Test, words: Mapping[str, Ability], analysis: Analysis
) -> Ability:
    """Return the filter or test that a node names; raises `Refusal` with the nearest name."""
    ability = _known(kind, node.name, words, node)
    if kind == "filter" and node.name in _NAMED_WORDS:
        inner, at = _NAMED_WORDS[node.name]
        named = node.args[at] if at < len(node.args) else None
        if isinstance(named, nodes.Const):
            vocabulary = analysis.vocabulary
            inner_words = vocabulary.filters if inner == "filter" else vocabulary.tests
            _known(inner, named.value, inner_words, node)
    analysis.heavy |= not ability.light
    return ability


def find_function(node: nodes.Call, analysis: Analysis) -> Ability:
    """Return the function that is called; nothing else can be: values have no methods."""
    analysis.heavy = True
    functions = analysis.vocabulary.functions
    called = node.node
    if isinstance(called, nodes.Name) and called.name not in analysis.variables:
        return _known("function", called.name, functions, node)
    hint = None
    if isinstance(called, nodes.Getattr):
        near = did_you_mean(called.attr, analysis.vocabulary.filters)
        hint = f"use a filter; {near}" if near else "use a filter"
    raise Refusal("call", "values have no methods to call", hint, node.lineno)


def application(
    ability: Ability,
    operands: Sequence[Evaluate],
    node: nodes.Filter | nodes.Test | nodes.Call,
    compile_: Callable[[nodes.Node], Evaluate],
) -> Evaluate:
    """Bind an ability to what it is applied to and to its arguments."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Refusal("arguments", "arguments cannot be unpacked with * or **", None, node.lineno)
    _check_arguments(ability, node)
    positional = [*operands, *map(compile_, node.args)]
    named = [(str(keyword.key), compile_(keyword.value)) for keyword in node.kwargs]
    call = ability.call
    if len(positional) == 1 and not named:
        (operand,) = positional
        return lambda frame: call(frame, operand(frame))

    def evaluate(frame: Frame) -> Any:
        arguments = [argument(frame) for argument in positional]
        return call(frame, *arguments, **{name: value(frame) for name, value in named})

    return evaluate


def _known(kind: Kind, name: Any, words: Mapping[str, Ability], node: nodes.Node) -> Ability:
    ability = words.get(name) if isinstance(name, str) else None
    if ability is None:
        hint = did_you_mean(str(name), words)
        raise Refusal(kind, f"there is no {kind} {quoted(name)}", hint, node.lineno)
    return ability


def _check_arguments(ability: Ability, node: nodes.Filter | nodes.Test | nodes.Call) -> None:
    names = [str(keyword.key) for keyword in node.kwargs]
    for name in names:
        if names.count(name) > 1:
            message = f"{quoted(ability.name)} is given {quoted(name)} twice"
            raise Refusal("arguments", message, None, node.lineno)
    fault = ability.misuse(len(node.args), names)
    if fault is None:
        return
    parameters = ability.parameters()
    unknown = next((name for name in names if name not in parameters), None)
    hint = did_you_mean(unknown, parameters) if unknown else None
    message = f"the {ability.kind} {quoted(ability.name)}: {fault}"
    raise Refusal("arguments", message, hint, node.lineno)
