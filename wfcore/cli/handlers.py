"""`wf handlers`: what nodes can run here, and what each handler takes and gives."""

import json
import sys
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import one_line, printable
from wfcore.plugins.catalog import absent_handler, handler_view
from wfcore.plugins.fields import FieldTable, field_tables
from wfcore.plugins.handler import Handler
from wfcore.plugins.page import example_node, handler_facts, handler_index, handler_page
from wfcore.plugins.registry import Registry
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
        Literal["text", "json", "markdown"],
        Parameter(help="json: the API's answer, alone. markdown: a page for your documentation."),
    ] = "text",
) -> int:
    """List the handlers that are installed, or show one of them."""
    with failures_told("json" if output == "json" else "text"):
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
        elif output == "markdown":
            page = handler_index(views) if name is None else handler_page(views[0])
            sys.stdout.write(printable(page))
        elif name is None:
            _tell_list(views)
        else:
            _tell(views[0])
        if name is None:
            _warn_of_broken(registry)
    return Exit.OK


def _find(registry: Registry, name: str) -> Handler:
    found = registry.handlers.get(name)
    if found is None:
        problem = absent_handler(name, registry, "wf handlers lists them")
        raise CommandFailed(Exit.NOT_FOUND, [problem])
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


def _warn_of_broken(registry: Registry) -> None:
    console = Console(stderr=True, highlight=False)
    for report in registry.reports:
        if report.status == "broken":
            line = one_line(f"{report.origin} is broken, its handlers are left out: {report.error}")
            console.print(Text.assemble(("wf: ", "bold yellow"), line), soft_wrap=True)


def _tell(view: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(Text.assemble((printable(view["name"]), "bold"), "  ", (_origin(view), "dim")))
    if view["description"]:
        console.print(Text(f"\n{printable(view['description'])}"))
    console.print(Text("\n" + printable(" ".join(handler_facts(view))), "dim"))
    config = field_tables(view["config"], view["raw"], view["secret"])
    _tell_tables(console, "config", config, empty="none")
    if view["output"] is None:
        console.print(Text("\noutput"), Text("an object; its shape is not known beforehand", "dim"))
    else:
        _tell_tables(console, "output", field_tables(view["output"]), empty="any object")
    example = example_node(view)
    if example is not None:
        console.print(Text("\nexample", "bold"))
        told = json.dumps(example, ensure_ascii=False, indent=2)
        console.print(Text(indent(printable(told), "  ")), soft_wrap=True)
    if view["errors"]:
        console.print(Text("\nerrors", "bold"))
        rows = _grid(2)
        for kind, when in view["errors"].items():
            rows.add_row(Text(f"  {one_line(kind)}"), Text(one_line(when)))
        console.print(rows)
    if view["settings"]:
        console.print(Text("\nsettings of its plugin", "bold"))
        rows = _grid(3)
        for each in view["settings"]:
            required = "required" if each["default"] is None else f"= {each['default']}"[:_LONGEST]
            rows.add_row(
                Text(f"  {each['variable']}"),
                Text(one_line(required), "dim"),
                Text(one_line(each["meaning"])),
            )
        console.print(rows)


def _tell_tables(console: Console, title: str, tables: Sequence[FieldTable], *, empty: str) -> None:
    for table in tables:
        console.print(Text(f"\n{one_line(table.title) or title}", "bold"))
        if not table.fields:
            console.print(Text(f"  {'any key' if table.open else empty}", "dim"))
            continue
        rows = _grid(4)
        for field in table.fields:
            default = f"= {field.default}"[:_LONGEST] if field.default else ""
            rows.add_row(
                Text(f"  {one_line(field.name)}"),
                Text(one_line(field.kind), "cyan"),
                Text("required" if field.required and title == "config" else default, "dim"),
                Text(one_line(field.meaning)),
            )
        console.print(rows)


def _grid(columns: int) -> Table:
    """Make a table that shows all of its cells, however long their words are."""
    grid = Table.grid(padding=(0, 2))
    for _ in range(columns):
        grid.add_column(overflow="fold")
    return grid


def _origin(view: Mapping[str, Any]) -> str:
    plugin = view["plugin"]
    if plugin is None:
        return ""
    if plugin["distribution"] is None:
        return one_line(plugin["name"])
    return one_line(f"{plugin['distribution']} {plugin['version']}")
