"""What the command line gives to an execution: a document, an input, config keys to replace."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed
from wfcore.cli.places import is_yaml
from wfcore.engine.plans import Document
from wfcore.errors import DocumentRefused
from wfcore.outbound.http import UNSET
from wfcore.problems import did_you_mean
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import JSONValue, parse
from wfcore.workflow.yaml_source import parse_yaml

__all__ = [
    "Given",
    "Replacement",
    "node_dependencies",
    "read_document",
    "read_input",
    "read_replacements",
    "trigger_body",
]

_INPUT: Final = "input"


@dataclass(frozen=True, slots=True)
class Given:
    """A document as it was read, and the input that came with it."""

    path: str
    text: str
    document: JSONValue
    input: Any = UNSET
    input_beside_dag: bool = False
    """As in the body of the API's POST /workflow."""

    @property
    def workflow(self) -> Document:
        """What the engine is given; what is no object is for the engine to refuse."""
        return self.document if isinstance(self.document, dict) else json.dumps(self.document)


@dataclass(frozen=True, slots=True)
class Replacement:
    """One `--set`: where the node's id ends is known only with the document at hand."""

    place: str
    value: Any


def read_document(path: str, limits: Limits) -> Given:
    """Read a JSON or a YAML file; raises `CommandFailed` where there is none, or it is neither."""
    text = _read(path)
    try:
        document = parse_yaml(text, limits) if is_yaml(path) else parse(text, limits)
    except DocumentRefused as refused:
        source = text.decode(errors="replace")
        raise CommandFailed(Exit.REFUSED, refused.problems, title=path, source=source) from refused
    source = text.decode("utf-8-sig")
    if not isinstance(document, dict) or _INPUT not in document:
        return Given(path, source, document)
    workflow = {name: value for name, value in document.items() if name != _INPUT}
    return Given(path, source, workflow, document[_INPUT], input_beside_dag=True)


def read_input(argument: str | None, limits: Limits) -> Any:
    """Read `--input`: JSON, or `@file` with JSON or YAML in it; UNSET where it was not given."""
    if argument is None:
        return UNSET
    text = _read(argument[1:]) if argument.startswith("@") else argument
    is_file_of_yaml = argument.startswith("@") and is_yaml(argument)
    try:
        return parse_yaml(text, limits) if is_file_of_yaml else parse(text, limits)
    except DocumentRefused as refused:
        raise CommandFailed(Exit.REFUSED, refused.problems, title="--input") from refused


def read_replacements(arguments: Sequence[str]) -> list[Replacement]:
    """Read every `--set node.key=value`; a value that is no JSON is text."""
    found = []
    for argument in arguments:
        place, equals, text = argument.partition("=")
        if not equals or not all(place.partition(".")):
            message = f"--set {argument!r} is not of the form node.key=value"
            raise CommandFailed.single(Exit.USAGE, "usage.set", message)
        found.append(Replacement(place, _value(text)))
    return found


def trigger_body(replacements: Sequence[Replacement], document: JSONValue) -> dict[str, Any] | None:
    """Return the body that replaces these keys: `{node: {key: value}}`; None for none."""
    body: dict[str, Any] = {}
    nodes = set(node_dependencies(document)) if replacements else set()
    for replacement in replacements:
        node, key = _split(replacement.place, nodes)
        body.setdefault(node, {})[key] = replacement.value
    return body or None


def node_dependencies(document: Any) -> dict[str, Sequence[str]]:
    """Return the ids of a document's nodes, in its order, and what each waits for.

    Of a document that is not proved yet, what can be read of it.
    """
    dag = document.get("dag") if isinstance(document, dict) else None
    nodes = dag.get("nodes") if isinstance(dag, dict) else None
    found = nodes if isinstance(nodes, list) else []
    return {
        node["id"]: node.get("dependencies", ())
        for node in found
        if isinstance(node, dict) and isinstance(node.get("id"), str)
    }


def _split(place: str, nodes: set[str]) -> tuple[str, str]:
    """Split at the dot after the node's id; ids may have dots, and the longest one counts."""
    dots = [at for at, letter in enumerate(place) if letter == "."]
    for at in reversed(dots):
        if place[:at] in nodes:
            return place[:at], place[at + 1 :]
    return place[: dots[0]], place[dots[0] + 1 :]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        hint = did_you_mean(path, _neighbours(path))
        message = f"no file {path!r}"
        raise CommandFailed.single(Exit.NOT_FOUND, "file.not_found", message, hint) from None
    except OSError as error:
        message = f"{path!r} cannot be read: {error.strerror}"
        raise CommandFailed.single(Exit.NOT_FOUND, "file.unreadable", message) from error


def _neighbours(path: str) -> list[str]:
    folder = Path(path).parent
    try:
        ends = ("*.json", "*.yaml", "*.yml")
        return [str(file) for end in ends for file in folder.glob(end)]
    except OSError:
        return []
