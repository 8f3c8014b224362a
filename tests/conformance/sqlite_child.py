"""A process that works on a SQLite store until it is killed, and says what was acknowledged.

Arguments: the file, `durable` or `relaxed`, and an execution to start with. It prints `open`, then
one line per acknowledged command, each after the store has answered: `create <execution>` or
`<execution> <key> <state> <token>`. With `hold` in place of an execution it opens the store, prints
`open` and waits.
"""

import asyncio
import sys
from typing import Literal

from tests.conformance import moves
from tests.conformance.moves import edge
from wfcore.store.contract import Code, Edge, Move
from wfcore.store.sqlite import SqliteStore


def say(*words: object) -> None:
    print(*words, flush=True)


async def acknowledge(store: SqliteStore, *batch: Move) -> None:
    replies = await store.apply(batch)
    for move, reply in zip(batch, replies, strict=True):
        assert reply.code is Code.OK
        say(move.execution, move.key, move.to, move.new_token)


async def work(store: SqliteStore, execution: str) -> None:
    """One chain of nodes beside another, which end together: several Moves in one commit."""
    await store.create(moves.new(execution))
    say("create", execution)
    await acknowledge(store, moves.start(execution, [edge("a0"), edge("b0")]))
    await asyncio.gather(*(chain(store, execution, name) for name in "ab"))


async def chain(store: SqliteStore, execution: str, name: str, length: int = 20) -> None:
    for number in range(length):
        key, token = f"{name}{number}", 100 + number
        after: list[Edge] = [edge(f"{name}{number + 1}")] if number + 1 < length else []
        await acknowledge(store, moves.lease(execution, key, token))
        await acknowledge(store, moves.complete(execution, key, token, after))


async def main(path: str, durability: Literal["durable", "relaxed"], execution: str) -> None:
    store = SqliteStore(path, durability=durability)
    await store.open()
    say("open")
    if execution == "hold":
        await asyncio.sleep(3_600)
    for number in range(1_000_000):
        await work(store, f"{execution}-{number}")


if __name__ == "__main__":
    path, durability, execution = sys.argv[1:]
    assert durability in ("durable", "relaxed")
    asyncio.run(main(path, "durable" if durability == "durable" else "relaxed", execution))
