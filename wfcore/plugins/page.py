"""A handler's page in Markdown, made of what `handler_view` tells about it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from wfcore.plugins.fields import FieldTable, field_tables

__all__ = ["example_node", "handler_facts", "handler_index", "handler_page"]

_UNKNOWN: Final = "An object; its shape is not known beforehand."


def handler_page(view: Mapping[str, Any]) -> str:
    """Return the page of one handler."""
    parts = [f"# `{view['name']}`", view["description"], " ".join(handler_facts(view))]
    parts += ["## Config", *_config(view), "## Output", *_output(view)]
    example = example_node(view)
    if example is not None:
        shown = json.dumps(example, ensure_ascii=False, indent=2)
        parts += ["## Example", f"```json\n{shown}\n```"]
    if view["errors"]:
        errors = ((f"`{kind}`", when) for kind, when in view["errors"].items())
        parts += ["## Errors", _table(("type", "when"), errors)]
    if view["settings"]:
        rows = map(_setting, view["settings"])
        parts += ["## Settings of its plugin", _table(("variable", "type", "default", ""), rows)]
    return "\n\n".join(filter(None, parts)) + "\n"


def handler_index(views: Iterable[Mapping[str, Any]]) -> str:
    """Return a table of handlers that links the page of each, `NAME.md`."""
    rows = ((f"[`{view['name']}`]({view['name']}.md)", view["summary"]) for view in views)
    return _table(("handler", "what it does"), rows) + "\n"


def handler_facts(view: Mapping[str, Any]) -> Iterator[str]:
    """Yield in sentences where its nodes run, and what becomes of their outputs."""
    yield f"Its nodes wait in the queue `{view['queue']}`."
    if view["cpu_bound"]:
        yield "It keeps a processor busy."
    if view["gives_result"]:
        yield "Its outputs become part of the execution's aggregated results."


def example_node(view: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a node with the handler's example as its config, None where it has no example."""
    if view["example"] is None:
        return None
    node = {"id": "example", "handler": view["name"], "config": view["example"]}
    return {key: value for key, value in node.items() if value != {}}


def _setting(setting: Mapping[str, Any]) -> tuple[str, ...]:
    default = "required" if setting["default"] is None else f"`{setting['default']}`"
    secret = " Secret: masked wherever it is shown." if setting["secret"] else ""
    return (f"`{setting['variable']}`", setting["type"], default, setting["meaning"] + secret)


def _config(view: Mapping[str, Any]) -> Iterator[str]:
    first, *others = field_tables(view["config"], view["raw"], view["secret"])
    if first.fields:
        yield _fields(first, defaults=True)
    if first.open:
        yield "Any other key is taken, too." if first.fields else "Any key is taken."
    elif not first.fields:
        yield "None."
    for table in others:
        yield from (f"### {table.title}", _fields(table, defaults=True))


def _output(view: Mapping[str, Any]) -> Iterator[str]:
    if view["output"] is None:
        yield _UNKNOWN
        return
    first, *others = field_tables(view["output"])
    yield _fields(first, defaults=False) if first.fields else "An object."
    for table in others:
        yield from (f"### {table.title}", _fields(table, defaults=False))


def _fields(table: FieldTable, *, defaults: bool) -> str:
    """Write a table; whether an output's field has a default does not matter to its readers."""
    if not defaults:
        rows = [(f"`{each.name}`", each.kind, each.meaning) for each in table.fields]
        return _table(("field", "type", ""), rows)
    return _table(
        ("key", "type", "default", ""),
        (
            (
                f"`{each.name}`",
                each.kind,
                "required" if each.required else each.default and f"`{each.default}`",
                each.meaning,
            )
            for each in table.fields
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"|{'|'.join(map(_cell, line))}|" for line in lines)


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return f" {line} " if line else " "
