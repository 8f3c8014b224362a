"""`wf handlers`: what nodes can run here, and what each handler takes and gives."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import one_line, printable
from wfcore.plugins.catalog import handler_view
from wfcore.plugins.handler import Handler
from wfcore.plugins.registry import Registry
from wfcore.problems import did_you_mean
from wfcore.settings import Settings

__all__ = ["handlers"]

_LONGEST: Final = 60


def handlers(
    action: Annotated[
        Literal["list", "show"], Parameter(name="ACTION", help="list, unless it is show.")
    ] = "list",
    name: Annotated[str | None, Parameter(name="NAME", help="The handler to show.")] = None,
    /,
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    output: Annotated[
        Format, Parameter(help="json: the API's answer, on standard output and alone.")
    ] = "text",
) -> int:
    """List the handlers that are installed, or show one of them."""
    with failures_told(output):
        if (action == "show") is (name is None):
            message = "which handler? wf handlers show NAME; wf handlers lists them"
            raise CommandFailed.single(Exit.USAGE, "usage.handler", message)
        settings = Settings.read()
        with kept_for_result():
            registry = installed(settings, PluginPlaces(plugin, plugin_dir))
            wanted = sorted(registry.handlers) if name is None else [name]
            views = [handler_view(_find(registry, each), registry) for each in wanted]
        if output == "json":
            json.dump({"handlers": views} if name is None else views[0], sys.stdout)
            sys.stdout.write("\n")
        elif name is None:
            _tell_list(views)
        else:
            _tell(views[0])
    return Exit.OK


def _find(registry: Registry, name: str) -> Handler:
    found = registry.handlers.get(name)
    if found is None:
        hint = did_you_mean(name, registry.handlers) or "wf handlers lists them"
        message = f"there is no handler {name!r} here"
        raise CommandFailed.single(Exit.NOT_FOUND, "handler.not_found", message, hint)
    return found


def _tell_list(views: list[dict[str, Any]]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        for view in views:
            fields = (view["name"], _origin(view), view["summary"])
            sys.stdout.write("\t".join(one_line(field) for field in fields) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for view in views:
        table.add_row(
            Text(one_line(view["name"]), "bold"),
            Text(one_line(view["summary"])),
            Text(_origin(view), "dim"),
        )
    console.print(table)


def _tell(view: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(Text.assemble((printable(view["name"]), "bold"), "  ", (_origin(view), "dim")))
    if view["description"]:
        console.print(Text(f"\n{printable(view['description'])}"))
    _tell_fields(console, "config", view["config"])
    if view["output"] is None:
        console.print(Text("\noutput"), Text("an object; its shape is not known beforehand", "dim"))
    else:
        _tell_fields(console, "output", view["output"])


def _tell_fields(console: Console, title: str, schema: Mapping[str, Any]) -> None:
    console.print(Text(f"\n{title}", "bold"))
    fields = schema.get("properties", {})
    if not fields:
        console.print(Text("  none" if title == "config" else "  any object", "dim"))
        return
    table = Table.grid(padding=(0, 2))
    required = schema.get("required", ())
    for name, field in fields.items():
        needed = "required" if name in required and title == "config" else _default(field)
        table.add_row(
            Text(f"  {one_line(name)}"),
            Text(_kind(field, schema), "cyan"),
            Text(needed, "dim"),
            Text(one_line(field.get("description", ""))),
        )
    console.print(table)


def _default(field: Mapping[str, Any]) -> str:
    if "default" not in field or field["default"] is None:
        return ""
    return f"= {json.dumps(field['default'], ensure_ascii=False)}"[:_LONGEST]


def _kind(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Say in a word or two which values a field takes."""
    return " or ".join(dict.fromkeys(_kinds(field, schema)))[:_LONGEST] or "any value"


def _kinds(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in field:
        named = str(field["$ref"]).rpartition("/")[2]
        yield from _kinds(schema.get("$defs", {}).get(named, {"type": "object"}), {})
    elif "enum" in field:
        yield " | ".join(json.dumps(each) for each in field["enum"])
    elif "const" in field:
        yield json.dumps(field["const"])
    elif "type" in field:
        kind = field["type"]
        if kind == "array" and isinstance(field.get("items"), dict):
            yield f"list of {_kind(field['items'], schema)}"
        elif kind != "null":
            yield str(kind)
    else:
        for choice in (*field.get("anyOf", ()), *field.get("oneOf", ())):
            yield from _kinds(choice, schema)


def _origin(view: Mapping[str, Any]) -> str:
    plugin = view["plugin"]
    if plugin is None:
        return ""
    if plugin["distribution"] is None:
        return one_line(plugin["name"])
    return one_line(f"{plugin['distribution']} {plugin['version']}")
