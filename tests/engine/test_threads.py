"""Threads for synchronous work: taken while the engine is open, and not a moment longer."""

import asyncio
import threading

import pytest

from wfcore import EngineNotOpen
from wfcore.engine.counters import Counters
from wfcore.engine.threads import Threads

DEADLINE = 10.0


async def test_after_the_end_a_call_is_refused_and_does_not_wait_for_ever() -> None:
    threads = Threads(Counters())
    begun, go_on = threading.Event(), threading.Event()

    def held() -> threading.Thread:
        begun.set()
        go_on.wait(DEADLINE)
        return threading.current_thread()

    running = asyncio.create_task(threads.run(held))
    await asyncio.to_thread(begun.wait, DEADLINE)
    threads.close()
    go_on.set()
    thread = await running
    await asyncio.to_thread(thread.join, DEADLINE)

    assert not thread.is_alive()
    with pytest.raises(EngineNotOpen, match="is closed"):
        await asyncio.wait_for(threads.run(lambda: 1), DEADLINE)


async def test_closing_twice_and_beside_threads_that_go_ends_them_all() -> None:
    threads = Threads(Counters())
    together = threading.Barrier(8)

    def meet() -> threading.Thread:
        together.wait(DEADLINE)
        return threading.current_thread()

    used = await asyncio.gather(*(threads.run(meet) for _ in range(8)))
    await asyncio.gather(*(asyncio.to_thread(threads.close) for _ in range(4)))
    for thread in used:
        await asyncio.to_thread(thread.join, DEADLINE)

    assert len(set(used)) == 8
    assert not any(thread.is_alive() for thread in used)


async def test_a_thread_that_waits_is_used_again() -> None:
    threads = Threads(Counters())

    used = {(await threads.run(threading.current_thread)).name for _ in range(20)}

    threads.close()
    assert len(used) == 1
