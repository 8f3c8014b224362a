"""A running execution where there is no terminal: a line for every node that ends or waits."""

import time
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from wfcore.cli.marks import status_text
from wfcore.cli.progress import NodeProgress, Progress, explanation
from wfcore.cli.wording import counted, duration, one_line, rate
from wfcore.store.contract import Event
from wfcore.workflow.states import NodeState

__all__ = ["Lines"]

_EACH_UP_TO: Final = 200
"""Executions with more nodes get a line a second; failures and retries up to `_MAX_TROUBLES`."""
_MAX_TROUBLES: Final = 20
_SUMMARY_SECONDS: Final = 1.0
_STILL_SECONDS: Final = 10.0
_WIDTH: Final = 24
_RATE_FROM_NODES: Final = 1_000


class Lines:
    """Writes to standard error; standard output is the result's."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._each = len(progress.nodes) <= _EACH_UP_TO
        self._width = min(_WIDTH, max((len(key) for key in progress.nodes), default=0))
        self._troubles = 0
        self._next = time.monotonic() + self._pause

    @property
    def _pause(self) -> float:
        return _STILL_SECONDS if self._each else _SUMMARY_SECONDS

    def begin(self) -> None:
        """Say what runs."""
        nodes = counted(len(self._progress.nodes), "node")
        self.say(f"{self._progress.name}: {nodes}")

    def show(self, event: Event, node: NodeProgress | None) -> None:
        """Write a line for a node that ended or waits."""
        if node is None or event.at < self._progress.since:
            return
        waits = node.state is NodeState.WAITING
        trouble = node.state is NodeState.FAILED or (waits and node.error is not None)
        self._troubles += trouble
        told = self._each or (trouble and self._troubles <= _MAX_TROUBLES)
        if told and (trouble or waits or node.state.terminal):
            self._write(event.key, node)

    def tick(self) -> None:
        """Say from time to time that work goes on."""
        if time.monotonic() < self._next or self._progress.status.terminal:
            return
        self._next = time.monotonic() + self._pause
        progress = self._progress
        total = counted(len(progress.nodes), "node")
        self.say(f"{progress.finished:,} of {total}, {len(progress.running):,} running")

    def say(self, text: str) -> None:
        """Write a line about the whole."""
        self._print(Text.assemble(("wf  ", "dim"), one_line(text)))

    def end(self) -> None:
        """Say how it ended."""
        progress = self._progress
        elapsed = progress.elapsed
        line = Text.assemble(("wf  ", "dim"), status_text(progress.status))
        line.append(f": {counted(len(progress.nodes), 'node')} in {duration(elapsed)}")
        worked = progress.finished - progress.finished_before
        if progress.finished_before:
            line.append(f", {progress.finished_before:,} kept from before")
        if worked >= _RATE_FROM_NODES:
            line.append(f", {rate(worked, elapsed)}")
        self._print(line)

    def _write(self, key: str, node: NodeProgress) -> None:
        line = Text.assemble("    ", key.ljust(self._width), "  ", status_text(node.state))
        remarks = "  ".join(self._remarks(node))
        if remarks:
            line.append(" " * (11 - len(node.state)) + remarks)
        self._print(line)

    def _remarks(self, node: NodeProgress) -> Iterator[str]:
        if node.took is not None and node.state is not NodeState.SKIPPED:
            yield duration(node.took)
        if node.attempt > 1:
            yield f"attempt {node.attempt}"
        if node.error is not None:
            yield one_line(explanation(node.error))
        if node.note:
            yield one_line(node.note)

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
