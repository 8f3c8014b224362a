"""Every block of docs/testing.md is a file of a plugin's tests: pytest runs it as it stands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reader import ROOT, blocks
from tests.project.tree import clean_environment

_PAGE = blocks((ROOT / "docs" / "testing.md").read_text(encoding="utf-8"))
_FILES = [block for block in _PAGE if block.mark.startswith("file=")]
_TESTS = [block for block in _PAGE if block not in _FILES]


@pytest.mark.parametrize("number", range(len(_TESTS)))
def test_a_block_of_the_testing_page_passes(number: int, tmp_path: Path) -> None:
    for block in _FILES:
        (tmp_path / block.mark.removeprefix("file=")).write_text(block.text)
    (tmp_path / "test_block.py").write_text(_TESTS[number].text)
    # Plugins are tested without any help for asyncio; stores need it.
    needs_asyncio = "StoreContract" in _TESTS[number].text
    options = ["-o", "asyncio_mode=auto"] if needs_asyncio else ["-p", "no:asyncio"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    finished = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert " passed" in finished.stdout


def test_the_blocks_are_all_python_and_one_is_the_plugin() -> None:
    assert {block.language for block in _PAGE} == {"python"}
    assert [block.mark for block in _FILES] == ["file=acme_translate.py"]
    assert len(_TESTS) == 6
