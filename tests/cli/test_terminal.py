"""`wf run` on a terminal: a tree that lives, a summary where nodes are many."""

import re
from pathlib import Path

from tests.cli.command import EXAMPLES, Done, Folder, in_terminal, node, workflow

_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_a_terminal_gets_a_tree_of_nodes_with_states_and_durations(tmp_path: Path) -> None:
    done = in_terminal(tmp_path, "run", str(EXAMPLES / "fan_out.json"))

    lines = _last_picture(done)
    assert done.code == 0
    assert re.search(r"✓ Fan-out  COMPLETED  8 nodes in ", lines[0])
    assert re.fullmatch(r"  ✓ question +COMPLETED +\d+ ms", lines[2].rstrip())
    assert re.fullmatch(r"  ├─ ✓ lisbon +COMPLETED +\d+ ms", lines[3].rstrip())
    assert re.fullmatch(r"  └─ ✓ guide +COMPLETED +\d+ ms", lines[9].rstrip())
    assert _COLOUR.search(done.out)


def test_the_picture_is_drawn_anew_while_nodes_run(folder: Folder) -> None:
    flow = folder.write(workflow(node("nap", "nap")))
    (folder.path / "nap.py").write_text(_NAP, encoding="utf-8")

    done = in_terminal(folder.path, "run", flow, "--plugin", "nap.py")

    assert len(re.findall(r"nap +RUNNING", _ESCAPE.sub("", done.out))) > 2


def test_no_color_takes_the_colours_and_leaves_the_words(tmp_path: Path) -> None:
    done = in_terminal(tmp_path, "run", str(EXAMPLES / "hello.json"), NO_COLOR="1")

    assert not _COLOUR.search(done.out)
    assert "COMPLETED" in done.out


def test_a_dumb_terminal_gets_lines(tmp_path: Path) -> None:
    done = in_terminal(tmp_path, "run", str(EXAMPLES / "hello.json"), TERM="dumb")

    assert "\x1b" not in done.out
    assert "wf  COMPLETED: 2 nodes" in done.out


def test_many_nodes_are_summarised_with_those_that_failed(folder: Folder) -> None:
    nodes = [node(f"n{number}", value=number) for number in range(300)]
    bad = node("bad", "call_external_service", url="http://127.0.0.1:9/", retry={"max_attempts": 1})
    flow = folder.write(workflow(*nodes, bad))

    done = in_terminal(folder.path, "run", flow)

    text = "\n".join(_last_picture(done))
    assert done.code == 1
    assert "✓ 300 COMPLETED   ✗ 1 FAILED" in text
    assert re.search(r"✗ bad +FAILED", text)
    assert "n17" not in text


def test_text_from_outside_cannot_steer_the_terminal(folder: Folder) -> None:
    flow = folder.write(
        workflow(node("say", value="\x1b]0;owned\x07\x9b2J"), name="\x1b[31mred\x1b[0m")
    )

    done = in_terminal(folder.path, "run", flow, NO_COLOR="1")

    assert "\x1b]" not in done.out
    assert "\x1b[31m" not in done.out
    assert "\x9b" not in done.out


def _last_picture(done: Done) -> list[str]:
    lines = _ESCAPE.sub("", done.out.replace("\r", "\n")).split("\n")
    lines = [line for line in lines if line]
    heads = [
        at for at, line in enumerate(lines) if re.match(r"\S \S.*  [A-Z]+  \d+ nodes? in", line)
    ]
    text = done.out.replace("\r\n", "\n")
    last = _ESCAPE.sub("", text).split("\n")
    head = max(
        at for at, line in enumerate(last) if line.rstrip().endswith(lines[heads[-1]].rstrip())
    )
    return [line.rpartition("\r")[2] for line in last[head:]]


_NAP = """
import asyncio
from wfcore import handler, hookimpl

@handler
async def nap() -> str:
    await asyncio.sleep(0.6)
    return "awake"

@hookimpl
def wfcore_register_handlers():
    return [nap]
"""
