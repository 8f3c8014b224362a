"""A process that works on a SQLite store until it is killed, and says what was acknowledged.

Arguments: the file, `durable` or `relaxed`, a name for its executions, and the length of their two
chains of nodes; 0 means to open the store and do nothing. It prints `open`, then one line per
acknowledged command, each after the store has answered: `create <execution>` or
`<execution> <key> <state> <token>`.
"""

import asyncio
import sys

from wfcore.store.contract import Code, Edge, Move
from wfcore.store.opening import Durability
from wfcore.store.sqlite import SqliteStore
from wfcore.testing.conformance import moves
from wfcore.testing.conformance.moves import edge


def say(*words: object) -> None:
    print(*words, flush=True)


async def acknowledge(store: SqliteStore, *batch: Move) -> None:
    replies = await store.apply(batch)
    for move, reply in zip(batch, replies, strict=True):
        assert reply.code is Code.OK
        say(move.execution, move.key, move.to, move.new_token)


async def work(store: SqliteStore, execution: str, length: int) -> None:
    """One chain of nodes beside another, which end together: several Moves in one commit."""
    await store.create(moves.new(execution))
    say("create", execution)
    await acknowledge(store, moves.start(execution, [edge("a0"), edge("b0")]))
    await asyncio.gather(*(chain(store, execution, name, length) for name in "ab"))


async def chain(store: SqliteStore, execution: str, name: str, length: int) -> None:
    for number in range(length):
        key, token = f"{name}{number}", 100 + number
        after: list[Edge] = [edge(f"{name}{number + 1}")] if number + 1 < length else []
        await acknowledge(store, moves.lease(execution, key, token))
        await acknowledge(store, moves.complete(execution, key, token, after))


async def main(path: str, durability: Durability, name: str, length: int) -> None:
    store = SqliteStore(path, durability=durability)
    await store.open()
    say("open")
    if length == 0:
        await asyncio.sleep(3_600)
    for number in range(1_000_000):
        await work(store, f"{name}-{number}", length)


if __name__ == "__main__":
    file, level, name, length = sys.argv[1:]
    asyncio.run(main(file, "durable" if level == "durable" else "relaxed", name, int(length)))
