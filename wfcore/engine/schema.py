"""The JSON Schema (2020-12) of a workflow document, with the config of every installed handler.

It is for editors, forms and clients: what it accepts is proved by the engine all the same.
"""

from collections.abc import Iterator
from typing import Any, Final

from wfcore.plugins.config_schema import TEMPLATE, templated_definitions
from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.templating import BUILT_IN
from wfcore.workflow.described import described_schema
from wfcore.workflow.document import Workflow
from wfcore.workflow.names import RESERVED

__all__ = ["SCHEMA_ID", "workflow_schema"]

SCHEMA_ID: Final = "urn:wfcore:workflow"

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CONDITION: Final = r"^\{\{[\s\S]*\}\}$"
_ANY_TEMPLATE: Final = {"type": "string", "description": "A template of the document's engine."}
_INPUT: Final = {"description": "The execution's input; no part of the workflow."}


def workflow_schema(registry: Registry, *, with_input: bool = False) -> dict[str, Any]:
    """Return the schema of a document; parts of it are shared: do not change them.

    A node's `handler` is one of those installed and decides what its `config` takes. `with_input`
    allows an `input` beside `dag`, as in the body of POST /workflow.
    """
    schema = _without_titles(described_schema(Workflow))
    if with_input:
        schema["properties"]["input"] = _INPUT
    definitions = schema.pop("$defs")
    engines = registry.templaters.engines
    schema["properties"]["template_engine"]["enum"] = sorted({BUILT_IN, *engines})
    definitions["template"] = _ANY_TEMPLATE if engines else TEMPLATE
    _describe_node(definitions["Node"], registry)
    if engines:
        definitions["Node"]["properties"]["when"]["anyOf"][1].pop("pattern")
    rules = []
    for handlers in _by_config(registry):
        name = f"config:{handlers[0].name}"
        definitions.update(templated_definitions(handlers[0].Config, name))
        rules.append(_rule(handlers, name, definitions[name]))
    if rules:
        definitions["Node"]["allOf"] = rules
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, **schema, "$defs": definitions}


def _without_titles(schema: Any) -> Any:
    """Return a copy without the titles that pydantic makes of the fields' names."""
    if isinstance(schema, list):
        return [_without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: _without_titles(value)
        for word, value in schema.items()
        if word != "title" or not isinstance(value, str)
    }


def _describe_node(node: dict[str, Any], registry: Registry) -> None:
    """Add what the models leave to the engine."""
    properties = node["properties"]
    properties["handler"] = {
        "description": properties["handler"].get("description", ""),
        "enum": sorted(registry.handlers),
    }
    properties["id"]["not"] = {"enum": sorted(RESERVED)}
    properties["when"]["anyOf"] = [
        {"type": "boolean"},
        {"type": "string", "pattern": _CONDITION},
    ]


def _by_config(registry: Registry) -> Iterator[list[Handler]]:
    """Yield the handlers, those with the same Config together."""
    groups: dict[type, list[Handler]] = {}
    for name in sorted(registry.handlers):
        handler = registry.handlers[name]
        groups.setdefault(handler.Config, []).append(handler)
    yield from groups.values()


def _rule(handlers: list[Handler], name: str, config: dict[str, Any]) -> dict[str, Any]:
    names = [each.name for each in handlers]
    which = {"const": names[0]} if len(names) == 1 else {"enum": names}
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{name}"}}}
    if config.get("required"):
        then["required"] = ["config"]
    return {
        "if": {"properties": {"handler": which}, "required": ["handler"]},
        "then": then,
    }
