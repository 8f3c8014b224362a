"""What `wf new plugin` of the built wheel writes is installed, tested and run in a new place."""

import json
from pathlib import Path

import pytest

from tests.docs.reader import blocks
from tests.project.environments import environment, install, run
from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Ten minutes")[2].partition("\n## ")[0]

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(420)]


def test_the_page_can_be_followed_word_for_word(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, str(wheel), "pip")
    said = ""
    for block in blocks(SECTION):
        if block.language == "bash":
            said = in_environment(python, block.text, tmp_path)
        else:
            compare(said, block.text)
    made = tmp_path / "wfcore-shout"
    in_environment(python, "ruff check\nruff format --check\nmypy", made)
    listed = in_environment(python, "wf handlers", tmp_path).splitlines()
    assert ["shout", "wfcore-shout 0.1.0", "Say a text loudly."] in [
        line.split("\t") for line in listed
    ]


def in_environment(python: str, script: str, folder: Path) -> str:
    """Run commands as in a shell in which the environment is active."""
    active = f'PATH="{Path(python).parent}:$PATH"\n'
    return run("bash", "-ec", active + script, folder=folder)


def compare(said: str, shown: str) -> None:
    """Find each line that is shown among those that were said, and in that order."""
    lines = (" ".join(line.split()) for line in said.splitlines())
    for line in shown.splitlines():
        assert any(each.startswith(" ".join(line.split())) for each in lines), (line, said)


def test_a_wheel_of_it_is_a_plugin_too(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, str(wheel))
    wf = str(Path(python).with_name("wf"))
    run(wf, "new", "plugin", "send-mail", "--folder", str(tmp_path / "mail"))

    install(python, str(tmp_path / "mail"))

    shown = json.loads(run(wf, "handlers", "show", "send_mail", "--output", "json"))
    assert shown["plugin"]["distribution"] == "wfcore-send-mail"
    assert "text" in shown["config"]["properties"]
