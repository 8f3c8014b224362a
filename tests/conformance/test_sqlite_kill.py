"""Law 6 on SQLite: what was acknowledged is there after `kill -9` of the process that wrote it."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from wfcore.errors import StoreOwned
from wfcore.store.contract import Code
from wfcore.store.sqlite import SqliteStore
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.moves import edge
from wfcore.workflow.states import NodeState, Status

ROOT = Path(__file__).resolve().parents[2]
ORDER = [NodeState.PENDING, NodeState.READY, NodeState.RUNNING, NodeState.COMPLETED]


@contextmanager
def child(path: Path, durability: str, name: str, length: int) -> Iterator[subprocess.Popen[str]]:
    """Start a real process that works on the store; it is killed at the end."""
    arguments = [str(path), durability, name, str(length)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.sqlite_child", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def acknowledged_by(
    path: Path, durability: str, name: str, *, lines: int, length: int = 20
) -> list[list[str]]:
    """Let a process work, kill it after so many answers, and return all that it was answered."""
    with child(path, durability, name, length) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        # What it wrote to the pipe between the last line read and its death counts too. The kill
        # may cut the last line short.
        rest = process.stdout.read().splitlines(keepends=True)
    return [line.split() for line in [*said, *rest] if line.endswith("\n")]


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
async def test_every_acknowledged_move_survives_the_kill_of_its_process(
    durability: str, tmp_path: Path
) -> None:
    path = tmp_path / "wf.db"
    answered: list[list[str]] = []
    for round_number, lines in enumerate((1, 7, 40, 161)):
        answered += acknowledged_by(path, durability, f"round{round_number}", lines=lines)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = SqliteStore(path)
    await store.open()
    try:
        for words in answered:
            await assert_present(store, words)
    finally:
        await store.close()
    assert len(answered) >= 1 + 7 + 40 + 161


async def assert_present(store: SqliteStore, words: list[str]) -> None:
    if words[0] == "create":
        assert await store.read(words[1]) is not None
        return
    execution, key, state, token = words
    _, found = await store.results(execution, [key])
    assert ORDER.index(found[key].state) >= ORDER.index(NodeState(state))
    events = await store.events(execution, 0, 10_000)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sum(event.key == key and event.to == state for event in events) == 1
    if state == NodeState.COMPLETED and key[0] != "@":
        assert found[key].output == f'{{"by":{token}}}'


async def test_an_execution_goes_on_where_the_kill_left_it(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    # So long that the process cannot have finished, however late the kill comes.
    acknowledged_by(path, "durable", "x", lines=30, length=100_000)
    store = SqliteStore(path)
    await store.open()
    due, _ = await store.due(100)
    assert due, "what the dead process held is due at once"
    opened: list[str] = []
    for item in due:
        token = item.token
        if item.state is NodeState.READY:
            token = 7
            reply, *_ = await store.apply([moves.lease(item.execution, item.key, token)])
            assert reply.code is Code.OK
        ended = moves.complete(item.execution, item.key, token, [edge("z", deps=len(due))])
        reply, *_ = await store.apply([ended])
        assert reply.code is Code.OK
        opened += [fired.key for fired in reply.fired]
    assert opened == ["z"]
    *_, reply = await store.apply([moves.lease("x-0", "z", 8), moves.complete("x-0", "z", 8)])
    assert (reply.code, reply.status) == (Code.OK, Status.COMPLETED)
    await store.close()


async def test_a_file_that_a_living_process_owns_is_refused_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    with child(path, "durable", "idle", 0) as process:
        store = SqliteStore(path)
        with pytest.raises(StoreOwned) as refused:
            await store.open()
        assert refused.value.pid == process.pid
        assert str(process.pid) in str(refused.value)
        assert str(path) in str(refused.value)
    await store.open()
    await store.close()
