"""What a process says when it can be used: where everything is, and which plugins are not well."""

from collections.abc import Iterable
from typing import TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.wording import duration, one_line, printable
from wfcore.plugins.registry import PluginReport, Registry

__all__ = ["Fact", "show_banner", "show_remarks"]

Fact: TypeAlias = tuple[str, str | Text]


def show_banner(
    console: Console, title: str, remark: str, facts: Iterable[Fact], registry: Registry
) -> None:
    """Write a title, facts by name, and a line for each plugin that deserves one."""
    table = Table.grid(padding=(0, 2))
    for name, value in facts:
        table.add_row(name, Text(printable(value)) if isinstance(value, str) else value)
    console.print()
    console.print(Text(title, "bold"), Text(remark, "dim"))
    console.print(table)
    show_remarks(console, registry)
    console.print()


def show_remarks(console: Console, registry: Registry) -> None:
    """Write a line for each plugin that is not well."""
    for report in registry.reports:
        line = _remark(report)
        if line:
            console.print(Text(one_line(line), "yellow"), soft_wrap=True)


def _remark(report: PluginReport) -> str:
    if report.status == "broken":
        return f"{report.origin} is broken and left out: {report.error}"
    if report.status == "blocked":
        return f"{report.origin} is left out: {report.error}"
    if report.slow:
        return f"{report.origin} took {duration(report.seconds * 1000)} to load"
    return ""
