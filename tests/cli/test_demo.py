"""The demo plays to its end, without a terminal, and every claim holds."""

import subprocess
import sys

import pytest

from tests.project.tree import ROOT, clean_environment


@pytest.mark.timeout(180)
def test_the_demo_plays_all_its_acts() -> None:
    done = subprocess.run(
        [sys.executable, "examples/demo.py"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("✓ the result is", "✓ it says where", "ran twice", "✓ the handler", "nodes/s"):
        assert text in done.stdout
    assert "\x1b" not in done.stdout
