"""`docs/getting-started.md` is followed word for word: every command, and what it shows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reader import ROOT, Reader, blocks

PAGE = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
@pytest.mark.timeout(180)
def test_the_page_can_be_followed_word_for_word(reader: Reader) -> None:
    for block in blocks(PAGE):
        if block.mark != "setup":
            reader.follow(block)


def test_every_block_of_the_page_is_of_a_kind_that_is_followed() -> None:
    assert PAGE.count("```") == 2 * len(blocks(PAGE))
    kinds = {(each.language, each.mark.partition("=")[0]) for each in blocks(PAGE)}
    assert kinds == {
        ("bash", "setup"),
        ("bash", ""),
        ("bash", "status"),
        ("bash", "background"),
        ("text", ""),
        ("json", "file"),
        ("json", "shows"),
        ("python", "file"),
    }


@pytest.mark.packaging
@pytest.mark.timeout(600)
def test_the_set_up_of_the_page_works_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    [setup] = [each.text for each in blocks(PAGE) if each.mark == "setup"]
    script = setup.replace("python3.11", sys.executable) + ".venv/bin/wf run examples/hello.json"
    finished = subprocess.run(
        ["bash", "-ec", script], cwd=clone, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "Hello, Ada!" in finished.stdout
