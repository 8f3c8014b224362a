"""How states look: a glyph, a word and a colour; never the colour alone."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from rich.console import Console
from rich.text import Text

from wfcore.workflow.states import NodeState, Status

__all__ = ["Mark", "is_unicode", "mark_of", "status_text"]

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Mark(NamedTuple):
    """The glyph of a state, the same in ASCII, and its style."""

    glyph: str
    ascii: str
    style: str


_MARKS: Final[Mapping[str, Mark]] = {
    NodeState.PENDING: Mark("○", ".", "dim"),
    NodeState.READY: Mark("◌", ":", "cyan"),
    NodeState.RUNNING: Mark("●", ">", "cyan"),
    NodeState.WAITING: Mark("↻", "~", "yellow"),
    NodeState.COMPLETED: Mark("✓", "+", "green"),
    NodeState.FAILED: Mark("✗", "x", "red"),
    NodeState.SKIPPED: Mark("⊘", "-", "dim"),
    NodeState.CANCELLED: Mark("■", "#", "magenta"),
}


def is_unicode(console: Console) -> bool:
    """Whether this terminal shows more than ASCII."""
    return not console.options.ascii_only


def mark_of(state: NodeState | Status, *, unicode: bool, frame: int | None = None) -> Text:
    """Return the glyph of a state; `frame` turns the one of RUNNING."""
    mark = _MARKS.get(state, _MARKS[NodeState.WAITING])
    if not unicode:
        return Text(mark.ascii, mark.style)
    if frame is not None and state == NodeState.RUNNING:
        return Text(_SPINNER[frame % len(_SPINNER)], mark.style)
    return Text(mark.glyph, mark.style)


def status_text(state: NodeState | Status) -> Text:
    """Return the word of a state in its colour."""
    mark = _MARKS.get(state, _MARKS[NodeState.WAITING])
    return Text(str(state), mark.style)
