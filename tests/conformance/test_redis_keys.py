"""What a Redis store keeps and where: nothing of what was deleted, large outputs elsewhere."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from wfcore.errors import CommandRefused, StoreError
from wfcore.store.contract import Code, Deletion, Halt, Move
from wfcore.store.redis import RedisStore
from wfcore.store.shared import WorkerRecord
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.moves import edge
from wfcore.workflow.states import NodeState

OF_THE_STORE = {b"wf:layout", b"{wf:00}:k", b"{wf:00}:q"}
"""Keys that are no execution's: the layout, the last number, the names of queues."""


@pytest.fixture
async def store(redis_url: str, tmp_path: Path) -> AsyncIterator[RedisStore]:
    (tmp_path / "blobs").mkdir()
    opened = RedisStore(redis_url, blobs=f"file://{tmp_path}/blobs")
    await opened.open()
    yield opened
    await opened.close()


async def done(store: RedisStore, *given: Move) -> None:
    for move in given:
        (reply,) = await store.apply([move])
        assert reply.code is Code.OK


def completed(execution: str, key: str, token: int, output: str) -> Move:
    return replace(moves.complete(execution, key, token), output=output)


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def large(size: int) -> str:
    """Return an output that does not get much smaller."""
    text = "".join(chr(0x4E00 + i * 7919 % 20_000) for i in range(size))
    return json.dumps({"x": text}, ensure_ascii=False)


async def test_no_key_of_a_deleted_execution_is_left(
    store: RedisStore, redis_url: str, tmp_path: Path
) -> None:
    await store.create(moves.new("done"))
    await done(store, moves.start("done", [edge(f"n{at}") for at in range(300)]))
    for at in range(300):
        output = large(200_000) if at == 0 else large(300)
        lease = moves.lease("done", f"n{at}", 100 + at)
        await done(store, lease, completed("done", f"n{at}", 100 + at, output))
    again = moves.new("again")
    again.retry_of = "done"
    await store.create(again)
    await done(store, moves.start("again", [edge("a")]))
    await store.halt("again", Halt.CANCEL)
    await done(store, moves.cancel("again", "a", NodeState.READY, 0, 21))
    await store.create(moves.new("never"))
    assert files(tmp_path)

    for execution in ("again", "done", "never"):
        assert await store.delete(execution, 10) is Deletion.DONE

    with Redis.from_url(redis_url) as client:
        assert set(client.keys("*")) <= OF_THE_STORE
    assert files(tmp_path) == []


async def test_large_outputs_are_kept_beside_redis_and_read_back(
    store: RedisStore, redis_url: str, tmp_path: Path
) -> None:
    await store.create(moves.new("x"))
    await done(store, moves.start("x", [edge("a"), edge("b")]))
    outputs = {"a": large(200_000), "b": large(10)}
    for token, (key, output) in enumerate(outputs.items(), 11):
        lease = moves.lease("x", key, token)
        await done(store, lease, completed("x", key, token, output))

    _, found = await store.results("x", ["a", "b"])

    assert {key: each.output for key, each in found.items()} == outputs
    assert len(files(tmp_path)) == 1
    with Redis.from_url(redis_url) as client:
        assert not client.exists("{wf:00}:o:x")
    blind = RedisStore(redis_url)
    await blind.open()
    try:
        with pytest.raises(StoreError, match="set APP_BLOB_URL here too"):
            await blind.results("x", ["a"])
    finally:
        await blind.close()


async def test_deleting_a_deleted_execution_again_leaves_the_next_one_its_outputs(
    store: RedisStore, tmp_path: Path
) -> None:
    """A store that answered too late, or another process, deletes what it had listed before."""
    numbers: list[int] = []
    for _ in range(2):
        number = await store.create(moves.new("x"))
        ended = completed("x", "a", 11, large(200_000))
        ended.number = number
        await done(store, moves.start("x", [edge("a")]), moves.lease("x", "a", 11), ended)
        for gone in numbers:
            assert await store.delete("x", 10, gone) is Deletion.DONE
        assert len(files(tmp_path)) == 1
        _, found = await store.results("x", ["a"])
        assert found["a"].output == ended.output
        numbers.append(number)
        if len(numbers) == 1:
            assert await store.delete("x", 10, number) is Deletion.DONE
            assert files(tmp_path) == []


async def test_what_is_too_large_for_redis_fails_clearly_without_an_object_store(
    redis_url: str,
) -> None:
    store = RedisStore(redis_url)
    await store.open()
    try:
        await store.create(moves.new("x"))
        await done(store, moves.start("x", [edge("a")]), moves.lease("x", "a", 11))
        with pytest.raises(CommandRefused, match="set APP_BLOB_URL"):
            await store.apply([completed("x", "a", 11, large(6_000_000))])
    finally:
        await store.close()


def test_an_object_store_that_does_not_exist_is_refused(redis_url: str) -> None:
    with pytest.raises(StoreError, match=r"APP_BLOB_URL \(bogus://\.\.\.\) cannot be used"):
        RedisStore(redis_url, blobs="bogus://user:canary@x")


async def test_text_is_compressed(store: RedisStore, redis_url: str) -> None:
    await store.create(moves.new("x"))
    await done(store, moves.start("x", [edge("a")]), moves.lease("x", "a", 11))
    output = json.dumps({"text": "the same again, and again. " * 4_000})
    await done(store, completed("x", "a", 11, output))
    with Redis.from_url(redis_url) as client:
        assert client.memory_usage("{wf:00}:o:x") < len(output) / 20
    assert (await store.results("x", ["a"])).nodes["a"].output == output


async def test_a_take_that_is_repeated_gives_the_same_leases(store: RedisStore) -> None:
    await store.create(moves.new("x"))
    await done(store, moves.start("x", [edge(f"n{at}") for at in range(5)]))
    wanted = [("default", "noop")]

    first = await store.take(wanted, 1_000, 3, lease_ms=5_000, age_ms=0)
    repeat = await store.take(wanted, 1_000, 3, lease_ms=5_000, age_ms=0)
    others = await store.take(wanted, 2_000, 3, lease_ms=5_000, age_ms=0)

    assert [lease.key for lease, *_ in first] == [lease.key for lease, *_ in repeat]
    assert [lease.token for lease, *_ in first] == [1_000, 1_001, 1_002]
    assert len(others) == 2
    assert not {lease.key for lease, *_ in others} & {lease.key for lease, *_ in first}
    assert await store.take([("default", "other")], 3_000, 3, lease_ms=5_000, age_ms=0) == []


async def test_a_take_passes_over_what_is_young_and_what_is_halted(store: RedisStore) -> None:
    for name in ("x", "y"):
        await store.create(moves.new(name))
        await done(store, moves.start(name, [edge("a")]))
    await store.halt("x", Halt.CANCEL, sweep_ms=60_000)
    wanted = [("default", "noop")]
    assert await store.take(wanted, 1_000, 5, lease_ms=5_000, age_ms=60_000) == []
    found = await store.take(wanted, 2_000, 5, lease_ms=5_000, age_ms=0)
    assert [lease.execution for lease, *_ in found] == ["y"]


async def test_workers_are_known_until_they_leave_or_fall_silent(store: RedisStore) -> None:
    one = WorkerRecord("one", ("call", "input"), ("default",))
    two = WorkerRecord("two", ("call",), ("gpu",))
    await store.announce(one, 60_000)
    await store.announce(two, 60_000)
    assert await store.workers() == [one, two]
    await store.announce(one, 0)
    assert await store.workers() == [two]


async def test_a_census_counts_executions_and_what_waits(store: RedisStore) -> None:
    for name in ("x", "y"):
        await store.create(moves.new(name))
    await done(store, moves.start("x", [edge("a"), edge("b")]), moves.lease("x", "a", 11))
    census = await store.census()
    assert (census.executions["PENDING"], census.executions["RUNNING"]) == (1, 1)
    assert [(each.queue, each.handler, each.ready) for each in census.queues] == [
        ("default", "noop", 1)
    ]


async def test_one_relay_at_a_time_is_fed_and_what_it_confirms_does_not_come_again(
    store: RedisStore,
) -> None:
    page = await store.feed(0, "one", "nodes", 10)
    assert page is not None
    await store.create(moves.new("x"))
    await done(store, moves.start("x", [edge("a")]), moves.lease("x", "a", 11))
    page = await store.feed(0, "one", "nodes", 10)
    assert page is not None
    assert [(execution, event.seq) for execution, event in page.events] == [("x", 1), ("x", 2)]
    assert await store.feed(0, "two", "nodes", 10) is None
    await store.fed(0, "two", 2)
    await store.fed(0, "one", 1)
    page = await store.feed(0, "one", "nodes", 10)
    assert page is not None
    assert [event.seq for _, event in page.events] == [2]
