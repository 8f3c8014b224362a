"""The Python of README and embedding docs runs as it stands, and prints what its comments say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/embedding.md")
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    )
    if "wfcore.run(" in block or "asyncio.run(" in block
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_docs_runs_and_prints_what_it_says(block: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    for said in re.findall(r"print\(.*\)  # (.*)", block):
        assert said in finished.stdout.splitlines()


def test_the_embedding_page_has_its_blocks() -> None:
    assert len([each for each in BLOCKS if "embedding" in str(each.id)]) == 4
