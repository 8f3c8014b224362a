"""Options that more than one command takes."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed
from wfcore.outbound.allow import AllowList, InvalidAllow
from wfcore.settings import Settings

__all__ = ["Allowed", "PluginFolders", "Plugins", "outbound_allow"]

Plugins: TypeAlias = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--plugin",
        consume_multiple=False,
        help="A Python file with handlers of your own; may be given more than once.",
    ),
]

PluginFolders: TypeAlias = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--plugin-dir",
        consume_multiple=False,
        help="A folder whose Python files and packages are plugins; may be given more than once.",
    ),
]

Allowed: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--allow",
        consume_multiple=False,
        help="HOST[:PORT] or a network that HTTP requests may reach beside the internet; may be "
        "given more than once.",
    ),
]


def outbound_allow(settings: Settings, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return what `--allow` opens beside what the environment does.

    Raises:
        CommandFailed: naming an entry that cannot be read.

    """
    try:
        AllowList.read(allowed)
    except InvalidAllow as error:
        raise CommandFailed.single(Exit.USAGE, "usage.allow", f"--allow {error}") from error
    return tuple(dict.fromkeys((*settings.outbound_allow, *allowed)))
