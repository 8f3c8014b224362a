"""`wf validate`: check documents without running them."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, Format, failures_told, tell_problems
from wfcore.cli.given import read_document
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import counted, printable
from wfcore.engine.engine import Engine
from wfcore.secrets.source import ElsewhereSecrets
from wfcore.settings import Settings

__all__ = ["validate"]


def validate(
    files: Annotated[tuple[str, ...], Parameter(name="FILE...", help="Workflow documents.")] = (),
    /,
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    output: Annotated[
        Format, Parameter(help="json: the problems on standard output, each with its file.")
    ] = "text",
) -> int:
    """Check workflow documents; nothing is run or stored."""
    with failures_told(output):
        if not files:
            raise CommandFailed.single(
                Exit.USAGE, "usage.file", "which documents? wf validate FILE..."
            )
        settings = Settings.read()
        with kept_for_result():
            options: dict[str, Any] = settings.engine_options() | {
                "store": "memory://",
                # The environment that checks a document is seldom the one that runs it.
                "secrets": ElsewhereSecrets(),
            }
            registry = installed(settings, PluginPlaces(plugin, plugin_dir))
            engine = Engine(registry=registry, **options)
            refused = asyncio.run(_check(engine, files))
    if output == "json":
        problems = [
            {"file": path, **problem.as_dict()}
            for path, failed in refused.items()
            for problem in failed.problems
        ]
        json.dump({"valid": not refused, "problems": problems}, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _tell(files, refused)
    return max((failed.code for failed in refused.values()), default=Exit.OK)


async def _check(engine: Engine, files: Sequence[str]) -> dict[str, CommandFailed]:
    """Return what is wrong, by file, for the files that are not in order."""
    refused: dict[str, CommandFailed] = {}
    async with engine:
        for path in files:
            try:
                given = read_document(path, engine.limits)
            except CommandFailed as failed:
                refused[path] = failed
                continue
            problems = await engine.check(given.workflow)
            if problems:
                refused[path] = CommandFailed(Exit.REFUSED, problems, title=path, source=given.text)
    return refused


def _tell(files: Sequence[str], refused: dict[str, CommandFailed]) -> None:
    console = Console(highlight=False)
    for path in files:
        failed = refused.get(path)
        if failed is None:
            console.print(Text.assemble((printable(path), "bold"), ": ", ("valid", "green")))
        else:
            tell_problems(console, failed.problems, title=path, source=failed.source)
    if len(files) > 1:
        found = sum(len(failed.problems) for failed in refused.values())
        bad = f"{counted(found, 'problem')} in {len(refused)} of {counted(len(files), 'file')}"
        console.print(Text(bad if refused else f"all {counted(len(files), 'file')} are valid"))
