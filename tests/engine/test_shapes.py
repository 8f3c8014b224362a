"""Deep and wide workflows, and that the work per node does not grow with the workflow."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.engine.acting import Recorder, noop
from tests.engine.documents import Json, chain, fan, node, workflow
from wfcore import Engine, Status
from wfcore.store.ledger import Entry, Ledger
from wfcore.store.memory import MemoryStore
from wfcore.store.rows import NodeRow
from wfcore.store.sqlite import SqliteStore
from wfcore.store.sqlite_file import SqliteFile

# So few that in the small workflow, too, most nodes are leased by a hint.
_SLOTS: Final = 4


async def test_a_cascade_of_a_thousand_skips_reaches_its_end(
    engine: Engine, recorder: Recorder
) -> None:
    document = chain(1_000, "work", when=False)
    document["dag"]["nodes"].append(node("end", "work", "n999", join="all_done"))

    result = await engine.run(document)

    assert result.results["end"] == {"value": 1}
    assert recorder.started == ["end"]
    assert engine.counters.skipped == 1_000


async def test_a_chain_runs_in_its_order(engine: Engine, recorder: Recorder) -> None:
    await engine.run(chain(200, "work"))

    assert recorder.started == [f"n{at}" for at in range(200)]


async def test_a_fan_out_of_a_thousand_runs_each_leaf_once_before_its_join(
    engine: Engine, recorder: Recorder
) -> None:
    document = fan(1_000, "work")
    document["dag"]["nodes"][-1]["handler"] = "work"

    await engine.run(document)

    assert recorder.started[-1] == "end"
    assert Counter(recorder.started) == Counter([*(f"leaf{at}" for at in range(1_000)), "end"])
    assert engine.counters.kept > 0


async def test_a_thousand_roots_start(engine: Engine, recorder: Recorder) -> None:
    await engine.run(workflow(*(node(f"n{at}", "work") for at in range(1_000))))

    assert len(recorder.started) == len(set(recorder.started)) == 1_000


async def test_many_executions_side_by_side_end_each_with_its_own_results(engine: Engine) -> None:
    document = workflow(
        node("a", "echo", value="{{ execution.input.n }}"),
        node("b", "echo", "a", value="{{ a.output.value * 2 }}"),
    )
    ids = [await engine.submit(document, {"n": n}) for n in range(100)]
    for execution in ids:
        await engine.trigger(execution)

    results = [await engine.wait(execution) for execution in ids]

    assert [each.results["b"]["value"] for each in results] == [2 * n for n in range(100)]
    assert {each.status for each in results} == {Status.COMPLETED}


class CountingLedger(Ledger):
    """Counts every row that is read or written."""

    def __init__(self) -> None:
        super().__init__()
        self.touched = 0

    def find(self, execution: str, number: int = 0) -> Entry | None:
        self.touched += 1
        return super().find(execution, number)

    def node(self, entry: Entry, key: str) -> NodeRow | None:
        self.touched += 1
        return super().node(entry, key)

    def save(self, entry: Entry, row: NodeRow) -> None:
        self.touched += 1
        super().save(entry, row)

    def put_result(self, entry: Entry, key: str, output: str | None, error: str | None) -> None:
        self.touched += 1
        super().put_result(entry, key, output, error)

    def log(self, entry: Entry, event: Any) -> None:
        self.touched += 1 + len(event.fired) + len(event.kept)
        super().log(entry, event)


class CountingFile(SqliteFile):
    """Counts every statement that the writer sends, and every row that it changes."""

    statements = 0
    connection: sqlite3.Connection

    def writer(self) -> sqlite3.Connection:
        self.connection = super().writer()
        self.connection.set_trace_callback(self._count)
        return self.connection

    def _count(self, statement: str) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            self.statements += 1


def layers(depth: int, width: int = 10) -> Json:
    """Layers of ten, each node with two dependencies in the layer before."""
    nodes = [node(f"0-{at}") for at in range(width)]
    for layer in range(1, depth):
        for at in range(width):
            before = (f"{layer - 1}-{at}", f"{layer - 1}-{(at + 1) % width}")
            nodes.append(node(f"{layer}-{at}", "noop", *before))
    return workflow(*nodes)


@pytest.mark.parametrize("shape", [layers, lambda size: fan(10 * size - 2)], ids=["layers", "fan"])
async def test_a_node_costs_as_many_rows_in_a_workflow_of_5000_as_in_one_of_100(
    shape: Any,
) -> None:
    async def rows_per_node(size: int) -> float:
        store = MemoryStore()
        ledger = store._ledger = CountingLedger()
        async with Engine(store, handlers=[noop], concurrency=_SLOTS) as engine:
            await engine.run(shape(size), {})
            return ledger.touched / (10 * size)

    assert await rows_per_node(500) <= 1.15 * await rows_per_node(10)


async def test_a_node_costs_as_many_statements_in_a_workflow_of_5000_as_in_one_of_100(
    tmp_path: Path,
) -> None:
    async def per_node(size: int) -> tuple[float, float]:
        store = SqliteStore(tmp_path / f"{size}.db", durability="relaxed")
        file = store._file = store._writer._file = CountingFile(
            tmp_path / f"{size}.db", durable=False
        )
        async with Engine(store, handlers=[noop], concurrency=_SLOTS) as engine:
            await engine.run(layers(size), {})
            return file.statements / (10 * size), file.connection.total_changes / (10 * size)

    small, large = await per_node(10), await per_node(500)

    assert large[0] <= 1.15 * small[0]
    assert large[1] <= 1.15 * small[1]
