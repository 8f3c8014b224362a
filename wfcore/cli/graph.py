"""`wf graph`: the DAG of a document, drawn as a tree or written for Mermaid."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.given import Given, node_dependencies, read_document
from wfcore.cli.marks import is_unicode
from wfcore.cli.standard_output import writing_result
from wfcore.cli.tree import GUIDES, lay_out
from wfcore.cli.wording import counted, one_line, printable
from wfcore.errors import DocumentRefused
from wfcore.settings import Settings
from wfcore.workflow.findings import Findings
from wfcore.workflow.graph import Graph
from wfcore.workflow.limits import Limits
from wfcore.workflow.reading import read

__all__ = ["graph"]

_PLAIN_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_MERMAID_WORDS: Final = frozenset({"end", "graph", "flowchart", "subgraph", "style", "class"})


def graph(
    file: Annotated[str, Parameter(name="FILE", help="The workflow document.")],
    /,
    *,
    format: Annotated[
        Literal["tree", "mermaid"],
        Parameter(help="tree, unless it is mermaid: a flowchart that Markdown pages show."),
    ] = "tree",
    limit: Annotated[
        int, Parameter(validator=Number(gte=1), help="Lines of the tree; 200 unless given.")
    ] = 200,
) -> int:
    """Draw the DAG of a workflow document; nothing else of it is checked."""
    with failures_told("text"):
        limits: Limits = Settings.read().engine_options()["limits"]
        given = read_document(file, limits)
        _check(given, limits)
        nodes = _nodes(given.document)
        with writing_result():
            if format == "mermaid":
                for line in _mermaid(nodes):
                    print(line)  # noqa: T201 - the result
            else:
                _draw(given.document, nodes, limit)
    return Exit.OK


def _check(given: Given, limits: Limits) -> None:
    """Refuse what is no DAG. Handlers and templates may be unknown here: they are not drawn."""
    findings = Findings(limits.max_problems)
    Graph(read(given.document, limits, findings).outlines, findings)
    try:
        if findings:
            findings.refuse(given.document)
    except DocumentRefused as refused:
        raise CommandFailed(
            Exit.REFUSED, refused.problems, title=given.path, source=given.text
        ) from refused


def _nodes(document: Any) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in document["dag"]["nodes"]}


def _draw(document: Any, nodes: Mapping[str, Mapping[str, Any]], limit: int) -> None:
    console = Console(highlight=False)
    edges = sum(len(node.get("dependencies", ())) for node in nodes.values())
    title = Text.assemble((one_line(document["name"]), "bold"), "  ")
    title.append(f"{counted(len(nodes), 'node')}, {counted(edges, 'edge')}", "dim")
    console.print(title, soft_wrap=True)
    rows = lay_out(node_dependencies(document), GUIDES[is_unicode(console)])
    for row in rows[:limit]:
        node = nodes[row.key]
        line = Text.assemble((row.guide, "dim"), (printable(row.key), "bold"))
        line.append(f"  {one_line(node['handler'])}", "cyan")
        for word in _words(node, row.after):
            line.append(f"  {one_line(word)}", "dim")
        console.print(line, soft_wrap=True)
    if len(rows) > limit:
        more = f"and {counted(len(rows) - limit, 'node')} more: --limit shows them"
        console.print(Text(more, "dim"))


def _words(node: Mapping[str, Any], after: str) -> Iterator[str]:
    """Yield what decides whether and when the node runs."""
    if after:
        yield after
    if node.get("join", "all_success") != "all_success":
        yield f"join {node['join']}"
    if node.get("when", True) is not True:
        yield f"when {node['when']}"
    if node.get("on_error", "fail") != "fail":
        yield f"on_error {node['on_error']}"


def _mermaid(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a flowchart (https://mermaid.js.org/syntax/flowchart.html), a line each."""
    names = {key: _mermaid_id(at, key) for at, key in enumerate(nodes)}
    yield "flowchart TD"
    for key, node in nodes.items():
        label = _escaped(f"{key}<br/>{node['handler']}", keep="<br/>")
        yield f'    {names[key]}["{label}"]'
    for key, node in nodes.items():
        dependencies: Sequence[str] = node.get("dependencies", ())
        when = node.get("when", True)
        arrow = "-->" if when is True else f'-->|"{_escaped(str(when))}"|'
        for dependency in dependencies:
            yield f"    {names[dependency]} {arrow} {names[key]}"


def _mermaid_id(at: int, key: str) -> str:
    """Return a name that Mermaid takes: the node's own where it can be."""
    if _PLAIN_ID.fullmatch(key) and key.lower() not in _MERMAID_WORDS:
        return key
    # With a dash, which no plain id has.
    return f"node-{at}"


def _escaped(text: str, keep: str = "") -> str:
    parts = text.split(keep) if keep else [text]
    escaped = ["".join(_entity(letter) for letter in one_line(part)) for part in parts]
    return keep.join(escaped)


def _entity(letter: str) -> str:
    return f"#{ord(letter)};" if letter in '"#<>&|`' else letter
