"""`wf plugins`: which plugins are installed, and how loading each of them went."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import Format, failures_told
from wfcore.cli.installed import PluginPlaces, surveyed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import duration, one_line, printable
from wfcore.plugins.catalog import plugin_view
from wfcore.settings import Settings

__all__ = ["list_plugins"]

_STYLES: Final = {"loaded": "green", "broken": "red", "blocked": "yellow"}


def list_plugins(
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    traceback: Annotated[
        bool, Parameter(help="Show the whole traceback of a plugin that is broken.")
    ] = False,
    output: Annotated[
        Format, Parameter(help="json: what GET /plugins answers, on standard output and alone.")
    ] = "text",
) -> int:
    """List the plugins, how loading each went, and their settings.

    Fails where one is broken, or two register one name.
    """
    with failures_told(output):
        settings = Settings.read()
        with kept_for_result():
            reports, clashes = surveyed(settings, PluginPlaces(plugin, plugin_dir))
            views = [plugin_view(report) for report in reports]
        if output == "json":
            # An API that answers has no clash, so that its answer has no such key.
            clashing = {"clashes": clashes} if clashes else {}
            json.dump({"plugins": views, **clashing}, sys.stdout, ensure_ascii=False)
            sys.stdout.write("\n")
        else:
            _tell(views, whole=traceback)
        _tell_clashes(clashes)
    broken = any(view["status"] == "broken" for view in views)
    return Exit.FAILED if broken or clashes else Exit.OK


def _tell_clashes(clashes: Sequence[str]) -> None:
    console = Console(stderr=True, highlight=False)
    for clash in clashes:
        line = Text.assemble(("wf: ", "bold red"), " ".join(printable(clash).split()))
        console.print(line, soft_wrap=True)


def _tell(views: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    console = Console(highlight=False)
    for view in views:
        slow = " (slow)" if view["slow"] else ""
        line = Text.assemble(
            (one_line(view["name"]), "bold"),
            f"  {_distribution(view)}  ",
            (view["status"], _STYLES[view["status"]]),
            (f"  {duration(view['seconds'] * 1000)}{slow}", "yellow" if slow else "dim"),
            (f"  API {view['api']}" if view["api"] else "", "dim"),
        )
        console.print(line, soft_wrap=True)
        settings = [setting["variable"] for setting in view["settings"]]
        parts = {"handlers": view["handlers"], "hooks": view["hooks"], "settings": settings}
        for title, names in parts.items():
            if names:
                said = one_line(f"  {title}: {', '.join(names)}")
                console.print(Text(f"  {said}", "dim"), soft_wrap=True)
        if "printed" in view:
            said = one_line(f"  printed while it was loaded: {view['printed']}")
            console.print(Text(f"  {said}", "yellow"), soft_wrap=True)
        if "error" in view:
            console.print(
                Text(f"  {one_line(view['error'])}", _STYLES[view["status"]]), soft_wrap=True
            )
        if whole and "traceback" in view:
            console.print(Text(printable(view["traceback"])), soft_wrap=True)


def _distribution(view: Mapping[str, Any]) -> str:
    if view["distribution"] is None:
        return one_line(view["module"])
    return one_line(f"{view['distribution']} {view['version']}")
