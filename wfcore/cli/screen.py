"""A running execution on a terminal: a tree of its nodes, or a summary where they are many."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from wfcore.cli.marks import is_unicode, mark_of, status_text
from wfcore.cli.progress import NodeProgress, Progress, explanation
from wfcore.cli.tree import GUIDES, lay_out
from wfcore.cli.wording import counted, duration, one_line, rate
from wfcore.store.contract import Event
from wfcore.workflow.states import NodeState

__all__ = ["Screen"]

_TREE_NODES: Final = 30
_LISTED: Final = 8
_NAME_WIDTH: Final = 40
_OTHER_LINES: Final = 4
"""Of a frame: its head, the empty lines around, the cursor's own."""
_RATE_FROM_NODES: Final = 1_000


class Screen:
    """Draws on standard error, ten times a second at most; standard output is the result's."""

    def __init__(
        self, console: Console, progress: Progress, dependencies: Mapping[str, Sequence[str]]
    ) -> None:
        self._console = console
        self._progress = progress
        self._unicode = is_unicode(console)
        few = len(dependencies) <= _TREE_NODES
        self._rows = lay_out(dependencies, GUIDES[self._unicode]) if few else []
        widths = (cell_len(row.guide) + 2 + cell_len(row.key) for row in self._rows)
        self._width = min(max(widths, default=0), _NAME_WIDTH)
        self._frame = 0
        self._started = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def begin(self) -> None:
        """Take the terminal."""
        self._live.start()
        self.tick()

    def show(self, event: Event, node: NodeProgress | None) -> None:
        """Take note of an event: the next frame shows it."""

    def tick(self) -> None:
        """Draw a frame."""
        self._frame += 1
        fits = len(self._rows) <= self._console.height - _OTHER_LINES
        self._live.update(self._picture(tree=bool(self._rows) and fits), refresh=True)

    def say(self, text: str) -> None:
        """Write a line above the picture."""
        self._console.print(Text(one_line(text), "bold"))

    def end(self) -> None:
        """Give the terminal back and leave the last picture on it."""
        self._live.stop()
        self._console.print(self._picture(tree=bool(self._rows)))

    def _picture(self, *, tree: bool) -> Group:
        body = self._tree() if tree else self._summary()
        return Group(self._head(), Text(), *body, Text())

    def _head(self) -> Text:
        progress = self._progress
        ended = progress.status.terminal
        total, finished = len(progress.nodes), progress.finished
        elapsed = progress.elapsed if ended else (time.monotonic() - self._started) * 1000
        done = counted(total, "node") if ended else f"{finished:,} of {counted(total, 'node')}"
        figures = [f"{done} in {duration(elapsed)}" if ended else f"{done} · {duration(elapsed)}"]
        worked = finished - progress.finished_before
        if progress.finished_before:
            figures.append(f"{progress.finished_before:,} kept from before")
        if worked >= _RATE_FROM_NODES:
            figures.append(rate(worked, elapsed))
        return Text.assemble(
            mark_of(progress.status, unicode=self._unicode, frame=self._frame),
            " ",
            (one_line(progress.name), "bold"),
            "  ",
            status_text(progress.status),
            ("  " + " · ".join(figures), "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _tree(self) -> Iterator[Text]:
        for row in self._rows:
            yield self._line(row.guide, row.key, row.after)

    def _summary(self) -> Iterator[Text | Padding]:
        progress = self._progress
        total = len(progress.nodes)
        bar = ProgressBar(total, progress.finished, width=min(60, self._console.width - 4))
        yield Padding(bar, (0, 0, 0, 2))
        yield Text()
        yield Text("  ").append(Text("   ").join(self._counts()))
        if progress.failed or progress.running or progress.waiting:
            yield Text()
        yield from self._list(progress.failed, progress.counts[NodeState.FAILED], "failed")
        if not progress.status.terminal:
            yield from self._list(progress.running, len(progress.running), "running")
            yield from self._list(progress.waiting, len(progress.waiting), "waiting for a retry")

    def _counts(self) -> Iterator[Text]:
        for state, count in self._progress.counts.items():
            if count:
                glyph = mark_of(state, unicode=self._unicode)
                yield Text.assemble(glyph, f" {count:,} ", status_text(state))

    def _list(self, keys: Iterable[str], total: int, what: str) -> Iterator[Text]:
        shown = 0
        for shown, key in enumerate(keys, start=1):
            yield self._line("", key, "")
            if shown == _LISTED:
                break
        if total > shown:
            yield Text(f"    and {total - shown:,} more {what}", "dim")

    def _line(self, guide: str, key: str, after: str) -> Text:
        node = self._progress.nodes[key]
        name = Text.assemble(
            (guide, "dim"), mark_of(node.state, unicode=self._unicode, frame=self._frame), " ", key
        )
        name.truncate(max(self._width, 20), overflow="ellipsis", pad=True)
        state = status_text(node.state)
        state.pad_right(10 - len(state))
        line = Text.assemble("  ", name, "  ", state, f"{self._time(node):>10}", no_wrap=True)
        line.overflow = "ellipsis"
        for text, style in self._remarks(node, after):
            line.append(f"  {text}", style)
        return line

    def _time(self, node: NodeProgress) -> str:
        if node.state is NodeState.RUNNING:
            return duration(max(0.0, time.time() * 1000 - node.since))
        if node.took is None or node.state is NodeState.SKIPPED:
            return ""
        return duration(node.took)

    def _remarks(self, node: NodeProgress, after: str) -> Iterator[tuple[str, str]]:
        if node.attempt > 1:
            yield f"attempt {node.attempt}", "yellow"
        if node.error is not None:
            style = "red" if node.state is NodeState.FAILED else "yellow"
            yield one_line(explanation(node.error)), style
        if node.note:
            yield one_line(node.note), "dim"
        if after and node.state in (NodeState.PENDING, NodeState.READY):
            yield after, "dim"
