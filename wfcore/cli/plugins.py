"""`wf plugins`: which plugins are installed, and how loading each of them went."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import Format, failures_told
from wfcore.cli.installed import installed
from wfcore.cli.options import Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import duration, one_line, printable
from wfcore.plugins.catalog import plugin_view

__all__ = ["list_plugins"]


def list_plugins(
    *,
    plugin: Plugins = (),
    traceback: Annotated[
        bool, Parameter(help="Show the whole traceback of a plugin that is broken.")
    ] = False,
    output: Annotated[
        Format, Parameter(help="json: what GET /plugins answers, on standard output and alone.")
    ] = "text",
) -> int:
    """List the plugins that are installed; fails where one is broken."""
    with failures_told(output):
        with kept_for_result():
            views = [plugin_view(report) for report in installed(plugin).reports]
        if output == "json":
            json.dump({"plugins": views}, sys.stdout, ensure_ascii=False)
            sys.stdout.write("\n")
        else:
            _tell(views, whole=traceback)
    broken = any(view["status"] == "broken" for view in views)
    return Exit.FAILED if broken else Exit.OK


def _tell(views: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    console = Console(highlight=False)
    for view in views:
        loaded = view["status"] == "loaded"
        line = Text.assemble(
            (one_line(view["name"]), "bold"),
            f"  {_distribution(view)}  ",
            (view["status"], "green" if loaded else "red"),
            (f"  {duration(view['seconds'] * 1000)}", "dim"),
        )
        console.print(line, soft_wrap=True)
        for title, names in (("handlers", view["handlers"]), ("hooks", view["hooks"])):
            if names:
                said = one_line(f"  {title}: {', '.join(names)}")
                console.print(Text(f"  {said}", "dim"), soft_wrap=True)
        if not loaded:
            console.print(Text(f"  {one_line(view['error'])}", "red"), soft_wrap=True)
            if whole:
                console.print(Text(printable(view["traceback"])), soft_wrap=True)


def _distribution(view: Mapping[str, Any]) -> str:
    if view["distribution"] is None:
        return one_line(view["module"])
    return one_line(f"{view['distribution']} {view['version']}")
