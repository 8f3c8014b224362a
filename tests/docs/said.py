"""What the source can say when something is wrong: problem codes and error types, read by ast."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("wfcore", "wfserver", "wfworker", "wfplugins_builtin")

_DOTTED = re.compile(r"[a-z_]+\.[a-z_0-9]+")
_MAKERS = {
    **dict.fromkeys(("Problem", "add", "_refuse", "_stop", "_note", "_Faulty", "_Fault"), 0),
    "single": 1,
}
_BY_STATUS = {"request.not_found", "request.method_not_allowed"}
"""Made from the status of the framework's answer, in wfserver/problems.py."""
_BY_KIND = {"template.filter", "template.test", "template.function"}
"""Made from the kind of what is not there, in wfcore/templating/application.py."""
_CLASSIFIES = {f"wfplugins_builtin/{each}/failure.py" for each in ("kafka", "llm")}
"""Their tables say which error is of which type."""
_NO_CODES = {"wfserver/examples.py"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the product with its path from the root."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            # What the test kit raises on purpose is seen in tests alone.
            if "testing" in path.parts:
                continue
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def codes(modules: Iterable[tuple[Path, ast.Module]]) -> set[str]:
    """Return every code that a problem can have.

    What makes problems tells the areas (`graph` of `graph.cycle`); every text constant of such an
    area is a code, for some reach their problem through a variable.
    """
    said: set[str] = set()
    texts: set[str] = set()
    for path, module in modules:
        if path.as_posix() in _NO_CODES:
            continue
        for node in ast.walk(module):
            texts.update(_texts(node))
            if isinstance(node, ast.Call):
                said.update(_made(node))
    areas = {code.partition(".")[0] for code in said if "." in code}
    return said | {each for each in texts if each.partition(".")[0] in areas}


def _texts(node: ast.AST) -> Iterator[str]:
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and _DOTTED.fullmatch(text):
        yield text


def _made(call: ast.Call) -> Iterator[str]:
    name = _name(call)
    if name == "Refusal":
        yield from (f"template.{text}" for text in _constants(call.args[0]))
    at = _MAKERS.get(name)
    if at is None or len(call.args) <= at:
        return
    for text in _constants(call.args[at]):
        # Sets have an `add` too.
        if _DOTTED.fullmatch(text) or name == "single":
            yield text


def error_types(modules: Iterable[tuple[Path, ast.Module]]) -> set[str]:
    """Return every type that an error of a node can have, but for those of plugins' exceptions."""
    found: set[str] = set()
    for path, module in modules:
        classifies = path.as_posix() in _CLASSIFIES
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                found.update(_type_made(node))
            elif isinstance(node, ast.AnnAssign):
                found.update(_type_unset(node))
            if classifies and isinstance(node, ast.Tuple):
                found.update(text for each in node.elts for text in _constants(each))
    return {each for each in found if each[:1].isupper()}


def _type_made(call: ast.Call) -> Iterator[str]:
    if _name(call) not in ("ErrorRecord", "NodeError"):
        return
    named = [each.value for each in call.keywords if each.arg == "type"]
    for value in [*call.args[:1], *named]:
        yield from _constants(value)


def _type_unset(field: ast.AnnAssign) -> Iterator[str]:
    """Yield the default of a field `type`: what the error of a config has that names none."""
    if isinstance(field.target, ast.Name) and field.target.id == "type" and field.value:
        yield from _constants(field.value)


def _name(call: ast.Call) -> str:
    made = call.func
    if isinstance(made, ast.Attribute):
        return made.attr
    return made.id if isinstance(made, ast.Name) else ""


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def all_codes() -> set[str]:
    """Return the codes of the whole product."""
    return codes(trees()) | _BY_STATUS | _BY_KIND


def all_error_types() -> set[str]:
    """Return the error types of the whole product."""
    return error_types(trees())
