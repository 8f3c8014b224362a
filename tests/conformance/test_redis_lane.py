"""The way of commands to one shard of the Redis store, where a call goes wrong."""

import asyncio

import pytest
from redis import Redis

from wfcore.errors import StoreError, StoreTooNew
from wfcore.redis_servers import RedisServers
from wfcore.store.redis import RedisStore
from wfcore.store.redis.lane import Lane
from wfcore.store.redis.script import packed
from wfcore.store.redis.shards import Shards


async def test_whoever_asked_hears_of_any_error_and_the_lane_goes_on() -> None:
    answers = iter([AttributeError("'NoneType' object has no attribute 'writelines'"), None])

    async def call(sent: bytes) -> bytes:
        await asyncio.sleep(0.01)
        error = next(answers)
        if error is not None:
            raise error
        return packed(("done",))

    lane = Lane(call)
    first = lane.ask("read", "x")
    await asyncio.sleep(0.005)
    second = lane.ask("read", "y")
    async with asyncio.timeout(2):
        with pytest.raises(AttributeError):
            await first
        assert await second == "done"


async def test_a_store_of_a_newer_format_is_refused_as_that(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        client.hset("wf:layout", mapping={"format": 99, "shards": 1})
    with pytest.raises(StoreTooNew, match="holds format 99"):
        await RedisStore(redis_url).open()


async def test_whatever_the_driver_raises_is_an_error_of_the_store() -> None:
    async def trips() -> None:
        raise AttributeError("'NoneType' object has no attribute 'writelines'")

    shards = Shards(RedisServers.read("redis://127.0.0.1:1"), None, None)
    with pytest.raises(StoreError, match="writelines"):
        await shards.ask(trips())
