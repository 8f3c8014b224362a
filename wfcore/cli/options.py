"""Options that more than one command takes."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

__all__ = ["Plugins"]

Plugins: TypeAlias = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--plugin",
        consume_multiple=False,
        help="A Python file with handlers of your own; may be given more than once.",
    ),
]
