"""The lines of a banner about plugins that are not well."""

import io

from rich.console import Console

from wfcore.cli.banner import show_banner
from wfcore.plugins.registry import PluginReport, Registry


def test_each_plugin_that_is_not_well_has_one_line() -> None:
    console = Console(file=io.StringIO(), width=80)
    error = "RuntimeError: one\ntwo\x1b[31m"
    reports = (
        PluginReport("boom", "boom", "broken", 0.1, error=error),
        PluginReport("far", "far", "blocked", 0.1, "acme", "1", error="APP_PLUGINS_BLOCK names it"),
        PluginReport("late", "late", "loaded", 2.0),
    )
    show_banner(console, "wf", "ready", [], Registry(reports=reports))
    assert isinstance(console.file, io.StringIO)
    assert [line for line in console.file.getvalue().splitlines() if line][1:] == [
        "plugin 'boom' is broken and left out: RuntimeError: one two\\x1b[31m",
        "distribution acme 1 (entry point 'far') is left out: APP_PLUGINS_BLOCK names it",
        "plugin 'late' took 2.00 s to load",
    ]
