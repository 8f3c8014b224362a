"""`wf new plugin`: a distribution with a handler of one's own, ready to be installed and tested."""

import shlex
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wfcore.cli.exits import Exit
from wfcore.cli.failure import CommandFailed, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.scaffold.distribution import distribution_files, write_new
from wfcore.cli.scaffold.names import InvalidName, PluginNames
from wfcore.cli.standard_output import kept_for_result
from wfcore.settings import Settings

__all__ = ["new_plugin"]


def new_plugin(
    name: Annotated[
        str, Parameter(name="NAME", help="What it does, in small letters: shout, send-mail.")
    ],
    /,
    *,
    folder: Annotated[
        Path | None,
        Parameter(name="--folder", help="Where to write; wfcore-NAME unless given."),
    ] = None,
) -> int:
    """Write the distribution of a new plugin."""
    with failures_told("text"):
        names = _names(name)
        into = folder if folder is not None else Path(names.distribution)
        _refuse_what_is_there(into)
        _refuse_a_taken_handler(names)
        texts = distribution_files(names, version("wfcore"))
        try:
            write_new(into, texts)
        except OSError as error:
            message = f"{into} cannot be written: {error.strerror}"
            raise CommandFailed.single(Exit.USAGE, "usage.folder", message) from error
        _tell(into, texts, names)
    return Exit.OK


def _names(name: str) -> PluginNames:
    try:
        return PluginNames.of(name)
    except InvalidName as error:
        hint = f"try wf new plugin {error.nearest}" if error.nearest else None
        raise CommandFailed.single(Exit.USAGE, "usage.name", str(error), hint) from error


def _refuse_what_is_there(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = "is not empty" if folder.is_dir() else "is a file"
        message = f"{folder} {what}; nothing was written"
        raise CommandFailed.single(
            Exit.USAGE, "usage.folder", message, "another place: --folder DIR"
        )


def _refuse_a_taken_handler(names: PluginNames) -> None:
    """Refuse a name that could not be installed here: two of one name are an error for engines."""
    with kept_for_result():
        registry = installed(Settings.read(), PluginPlaces())
    for report in registry.reports:
        if names.handler in report.handlers:
            message = f"there is a handler {names.handler!r} already, of {report.origin}"
            hint = "give yours another name"
            raise CommandFailed.single(Exit.USAGE, "handler.taken", message, hint)


def _tell(folder: Path, paths: Iterable[str], names: PluginNames) -> None:
    lines = [
        *(str(folder / path) for path in sorted(paths)),
        "",
        "next:",
        # Without a slash, pip would look for the folder among the names of packages.
        f"  pip install --editable {_argument(f'{_with_slash(folder)}[dev]')}",
        f"  pytest {_argument(str(folder))}",
        f"  wf run {_argument(str(folder / 'examples' / f'{names.handler}.json'))}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _argument(text: str) -> str:
    return shlex.quote(text)


def _with_slash(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"./{folder}"
