"""Executions of a server as people read them: a list, one of them, one node, what happens."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.client import SentEvent
from wfcore.cli.marks import status_text
from wfcore.cli.wording import counted, duration, one_line, printable
from wfcore.workflow.states import NodeState, Status

__all__ = ["EventLines", "tell_execution", "tell_list", "tell_node", "tell_outcome"]

_NODES: Final = 50
_WIDTH: Final = 24
_ORDER: Final = ("FAILED", "WAITING", "RUNNING", "READY", "PENDING", "CANCELLED", "SKIPPED")
_RETRIED: Final = (Status.FAILED, Status.CANCELLED)


def tell_list(executions: Sequence[Mapping[str, Any]], *, more: bool) -> None:
    """Write a table to a terminal; into a pipe a line for each, with tabs between."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for each in executions:
            took = _milliseconds(each.get("started"), each.get("ended"))
            seconds = "" if took is None else f"{took / 1000:.3f}"
            fields = (each["execution_id"], each["status"], each["name"], each["created"], seconds)
            texts = [one_line(str(field)) for field in (*fields, each.get("retry_of") or "")]
            sys.stdout.write("\t".join(texts) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("id", no_wrap=True)
    for column in ("status", "name", "created", "took", ""):
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    for each in executions:
        took = _milliseconds(each.get("started"), each.get("ended"))
        retry = f"retry of {each['retry_of'][:8]}" if each.get("retry_of") else ""
        table.add_row(
            Text(printable(each["execution_id"]), "bold"),
            _state(each["status"]),
            Text(one_line(each["name"])),
            Text(_local(each["created"])),
            Text("" if took is None else duration(took)),
            Text(one_line(retry), "dim"),
        )
    console.print(table if executions else Text("no execution matches", "dim"))
    if more:
        console.print(Text("and more: --limit shows them", "dim"))


def tell_execution(view: Mapping[str, Any]) -> None:
    """Write where an execution stands: failed nodes first, why, and what takes it up again."""
    console = Console(highlight=False)
    nodes: Mapping[str, Any] = view["nodes"]
    head = Text.assemble((printable(view["execution_id"]), "bold"), "  ", _state(view["status"]))
    if view.get("retry_of"):
        head.append(f"  retry of {one_line(view['retry_of'])}", "dim")
    _print(console, head)
    counts = Counter(node["state"] for node in nodes.values())
    parts = [f"{count:,} {state}" for state, count in sorted(counts.items(), key=_rank)]
    _print(console, Text(f"{counted(len(nodes), 'node')}: {', '.join(parts)}", "dim"))
    _print(console, Text())
    listed = sorted(nodes.items(), key=lambda each: _rank((each[1]["state"], 0)))
    width = min(_WIDTH, max((len(key) for key in nodes), default=0))
    for key, node in listed[:_NODES]:
        _print(console, _node_line(key, width, node["state"], _why(node.get("error"))))
    if len(listed) > _NODES:
        _print(console, Text(f"    and {counted(len(listed) - _NODES, 'node')} more", "dim"))
    _tell_retry(console, view["execution_id"], view["status"])


def tell_node(view: Mapping[str, Any]) -> None:
    """Write all that is known of a node."""
    console = Console(highlight=False)
    head = Text.assemble((printable(view["key"]), "bold"), "  ", _state(view["state"]))
    head.append(f"  {one_line(view['handler'])}", "dim")
    _print(console, head)
    if view.get("error"):
        _print(console, Text(f"  {_why(view['error'])}", "red"))
    for attempt in view["attempts"]:
        _print(console, _attempt_line(attempt))
        for line in attempt["log"]:
            _print(console, Text(f"      {one_line(line)}", "dim"))
    if view["attempts"] and not view["attempts"][-1]["ended"]:
        for line in view["log"]:
            _print(console, Text(f"      {one_line(line)}", "dim"))
    for name in ("config", "output"):
        if view.get(name):
            text = printable(json.dumps(view[name], ensure_ascii=False, indent=2))
            _print(console, Text(f"  {name}", "dim"))
            _print(console, Text("    " + text.replace("\n", "\n    ")))
    if view.get("config_error"):
        _print(console, Text(f"  config: {one_line(view['config_error'])}", "yellow"))
    if view["state"] == NodeState.FAILED:
        _tell_retry(console, view["execution_id"], str(Status.FAILED))


def tell_outcome(results: Mapping[str, Any]) -> None:
    """Write results to standard output; of what did not complete, why, to standard error."""
    if results["status"] == Status.COMPLETED:
        aggregated = results["results"]["aggregated_results"]
        sys.stdout.write(printable(json.dumps(aggregated, ensure_ascii=False, indent=2)) + "\n")
        return
    console = Console(stderr=True, highlight=False)
    for key, error in results.get("errors", {}).items():
        _print(console, Text.assemble((one_line(key), "bold red"), "  ", _why(error)))
    if not results.get("errors"):
        _print(console, Text(one_line(results["message"])))
    _tell_retry(console, results["execution_id"], results["status"])


class EventLines:
    """Writes a line for each node that starts, waits or ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started: dict[str, datetime] = {}
        self._execution = ""

    def show(self, event: SentEvent) -> None:
        """Write what an event says; what handlers say meanwhile is for `--output json`."""
        if event.name == "snapshot":
            self._snapshot(event.data)
        elif event.name == "transition":
            self._transition(event.data)
        elif event.name == "end":
            _print(self._console, Text.assemble(("wf  ", "dim"), _state(event.data["status"])))
            _tell_retry(self._console, event.data["execution_id"], event.data["status"])

    def _snapshot(self, view: Mapping[str, Any]) -> None:
        nodes = view["nodes"]
        ended = sum(NodeState(node["state"]).terminal for node in nodes.values())
        head = Text.assemble(("wf  ", "dim"), f"{one_line(view['execution_id'])}: ")
        head.append_text(_state(view["status"]))
        head.append(f", {ended:,} of {counted(len(nodes), 'node')} ended")
        _print(self._console, head)
        for key, node in nodes.items():
            if node.get("error"):
                _print(self._console, _node_line(key, _WIDTH, node["state"], _why(node["error"])))

    def _transition(self, event: Mapping[str, Any]) -> None:
        at = _moment(event["at"])
        for key in event["kept"]:
            self._begin(key, at)
        key, state = event["key"], event["to"]
        if not key or key.startswith("@") or state is None:
            return
        if state == NodeState.RUNNING:
            self._begin(key, at)
        elif state in (NodeState.WAITING, NodeState.FAILED) or NodeState(state).terminal:
            remarks = "  ".join(self._remarks(event, at))
            _print(self._console, _node_line(key, _WIDTH, state, remarks))

    def _begin(self, key: str, at: datetime | None) -> None:
        if at is not None:
            self._started[key] = at
        _print(self._console, _node_line(key, _WIDTH, str(NodeState.RUNNING), ""))

    def _remarks(self, event: Mapping[str, Any], at: datetime | None) -> Iterator[str]:
        began = self._started.pop(event["key"], None)
        if began is not None and at is not None:
            yield duration(max(0.0, (at - began).total_seconds() * 1000))
        if event["attempt"] > 1:
            yield f"attempt {event['attempt']}"
        detail = event["detail"] or {}
        if detail.get("error"):
            yield _why(detail["error"])
        if detail.get("reused"):
            yield f"kept from {one_line(str(detail['reused']))}"
        if detail.get("reason"):
            yield one_line(str(detail["reason"]))


def _print(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)


def _state(word: str) -> Text:
    for kind in (NodeState, Status):
        if word in tuple(kind):
            return status_text(kind(word))
    return Text(one_line(word))


def _node_line(key: str, width: int, state: str, remarks: str) -> Text:
    line = Text.assemble("    ", one_line(key).ljust(width), "  ", _state(state))
    if remarks:
        line.append(" " * max(2, 11 - len(state)) + remarks)
    return line


def _attempt_line(attempt: Mapping[str, Any]) -> Text:
    took = _milliseconds(attempt["started"], attempt["ended"])
    words = [f"  attempt {attempt['attempt']}", attempt["outcome"]]
    words += [duration(took)] if took is not None else []
    words += [_why(attempt["error"])] if attempt.get("error") else []
    words += [f"kept from {attempt['reused']}"] if attempt.get("reused") else []
    return Text("  " + "  ".join(one_line(str(word)) for word in words))


def _tell_retry(console: Console, execution: str, status: str) -> None:
    if status in _RETRIED:
        command = f"wf executions retry {printable(execution)}"
        _print(console, Text())
        _print(console, Text.assemble("Take it up again:  ", (command, "bold")))


def _why(error: Mapping[str, Any] | None) -> str:
    return one_line(f"{error['type']}: {error['message']}") if error else ""


def _rank(counted_state: tuple[str, Any]) -> int:
    state = counted_state[0]
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _local(text: str) -> str:
    moment = _moment(text)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment is not None else ""


def _milliseconds(started: str | None, ended: str | None) -> float | None:
    began, end = _moment(started), _moment(ended)
    if began is None or end is None:
        return None
    return max(0.0, (end - began).total_seconds() * 1000)
