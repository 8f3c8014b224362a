"""Standard output that does not take the result."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.command import EXAMPLES, WF, Folder
from tests.project.tree import clean_environment


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_full_disk_under_the_output_is_told_in_a_line(folder: Folder, output: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [WF, "run", str(EXAMPLES / "hello.json"), "--output", output],
            cwd=folder.path,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
    assert done.returncode == 1
    assert "the execution is COMPLETED, but its result cannot be written" in done.stderr
    assert "wf run --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_reader_who_leaves_early_does_not_make_an_execution_a_failure(folder: Folder) -> None:
    with folder.started("run", str(EXAMPLES / "hello.json")) as process:
        assert process.stdout is not None
        process.stdout.close()
        code = process.wait(50)
        assert process.stderr is not None
        told = process.stderr.read()
    assert code == 0
    assert "COMPLETED" in told
    assert "Traceback" not in told
