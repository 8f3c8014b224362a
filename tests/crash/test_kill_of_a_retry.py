"""`kill -9` in the middle of a retry: it goes on, and what had succeeded never runs again."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.engine.documents import node, workflow

ROOT = Path(__file__).parents[2]
LANES = 8
LENGTH = 40
DEADLINE = 30.0


def document() -> dict[str, Any]:
    """Lanes of nodes; in the middle all wait for a node that breaks."""
    nodes = []
    for lane in range(LANES):
        before = ["breaks"]
        for at in range(LENGTH):
            key = f"l{lane}n{at}"
            after = [] if at == 0 else before if at == LENGTH // 2 else [f"l{lane}n{at - 1}"]
            nodes.append(node(key, "note", *after))
    middle = [f"l{lane}n{LENGTH // 2 - 1}" for lane in range(LANES)]
    nodes.append(node("breaks", "note", *middle, retry={"max_attempts": 1}))
    return workflow(*nodes)


class Folder:
    """The store and the ledger of one case."""

    def __init__(self, path: Path) -> None:
        self._ledger = path / "ledger"
        self._given = {"store": str(path / "wf.db"), "ledger": str(self._ledger)}

    def start(self, act: str, **more: Any) -> subprocess.Popen[str]:
        given = {**self._given, "act": act, **more}
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tests/crash/retrying_child.py"), json.dumps(given)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def finish(self, act: str, **more: Any) -> list[str]:
        child = self.start(act, **more)
        told, _ = child.communicate(timeout=DEADLINE)
        assert child.returncode == 0
        return told.split()

    def runs(self, execution: str) -> Counter[str]:
        lines = [line.split() for line in self._ledger.read_text().splitlines()]
        return Counter(key for owner, key in lines if owner == execution)


@pytest.mark.parametrize("killed_after", [0, 1, 20, 100])
def test_a_killed_retry_goes_on_and_pays_nothing_twice(tmp_path: Path, killed_after: int) -> None:
    folder = Folder(tmp_path)
    old, status = folder.finish("run", broken=True, document=document())
    assert status == "FAILED"
    paid = folder.runs(old)
    assert len(paid) == LANES * LENGTH // 2 + 1

    child = folder.start("retry", broken=False, execution=old)
    assert child.stdout is not None
    new = child.stdout.readline().strip()
    end = time.monotonic() + DEADLINE
    while folder.runs(new).total() < killed_after and child.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    child.kill()
    child.communicate()

    assert folder.finish("go on", broken=False, execution=new) == [new, "COMPLETED"]
    ran = folder.runs(new)
    late = {f"l{lane}n{at}" for lane in range(LANES) for at in range(LENGTH // 2, LENGTH)}
    assert set(ran) == {"breaks", *late}
    # At least once; twice only what was in flight when it was killed.
    assert sum(many - 1 for many in ran.values()) <= 4
    assert folder.runs(old) == paid
