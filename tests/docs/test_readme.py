"""The commands of README.md work in its order, those of the shell and of the server."""

import shutil

import pytest

from tests.docs.reader import ROOT, Block, Reader, blocks

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [each.text for each in blocks(PAGE) if each.language == "bash"]
ELSEWHERE = ("make demo", ".venv/bin/python examples/lanes.py", "pip install")
"""Begins of blocks that other tests do: in tests/cli, tests/project and tests/cluster."""


def steps() -> list[Block]:
    """Return the commands; the one that stays in the foreground goes into a second terminal."""
    found = []
    for text in COMMANDS:
        if text.startswith(ELSEWHERE):
            continue
        for line in text.splitlines():
            mark = "background" if line.startswith(".venv/bin/wf dev") else ""
            found.append(Block("bash", mark, line.partition("  #")[0] + "\n"))
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
@pytest.mark.timeout(180)
def test_the_commands_of_the_readme_work(reader: Reader) -> None:
    for step in steps():
        reader.follow(step)
        if step.text.startswith("curl"):
            assert '"status":"COMPLETED"' in reader.said


def test_the_readme_has_its_commands() -> None:
    assert len(steps()) == 9
    assert len([each for each in COMMANDS if each.startswith(ELSEWHERE)]) == 4
