"""The virtual loop: timers take no time, real things take theirs, and the order is that of time."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wfcore.testing.virtual_loop import VirtualLoop
from wfcore.testing.virtual_run import in_virtual_time

_A_YEAR = 365 * 24 * 3600


def measured(session: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[Any, float]:
    """Run it, and return what it gave and the real seconds that it took."""
    began = time.monotonic()
    return in_virtual_time(session), time.monotonic() - began


def slow_answer() -> str:
    time.sleep(0.1)
    return "done"


def test_a_year_of_sleep_takes_no_time() -> None:
    async def session() -> float:
        await asyncio.sleep(_A_YEAR)
        return asyncio.get_running_loop().time()

    slept, took = measured(session)
    assert slept == pytest.approx(_A_YEAR)
    assert took < 10


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def session() -> list[float]:
        fired: list[float] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append(seconds)

        await asyncio.gather(*map(sleeper, (3600, 0.001, 5, 86_400, 0)))
        return fired

    assert in_virtual_time(session) == [0, 0.001, 5, 3600, 86_400]


def test_a_timeout_comes_before_a_longer_sleep() -> None:
    async def session() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1000):
                await asyncio.sleep(1001)
        return asyncio.get_running_loop().time()

    assert in_virtual_time(session) == 1000


def test_time_does_not_jump_while_a_thread_works() -> None:
    async def session() -> tuple[str, float]:
        async with asyncio.timeout(30):
            answer = await asyncio.to_thread(slow_answer)
        return answer, asyncio.get_running_loop().time()

    answer, passed = in_virtual_time(session)
    assert answer == "done"
    assert 0.05 < passed < 30


def test_a_timeout_cuts_off_a_thread_in_real_time() -> None:
    released = threading.Event()

    async def session() -> float:
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await asyncio.to_thread(released.wait, 30)
            return asyncio.get_running_loop().time()
        finally:
            released.set()

    passed, took = measured(session)
    assert passed == pytest.approx(0.1, abs=0.05)
    assert 0.09 < took < 30


def test_a_thread_that_nobody_waits_for_any_more_holds_nothing_up() -> None:
    released = threading.Event()

    async def session() -> float:
        call = asyncio.ensure_future(asyncio.to_thread(released.wait, 30))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.sleep(3600)
        released.set()
        return asyncio.get_running_loop().time()

    assert in_virtual_time(session) == pytest.approx(3600)


def test_time_does_not_jump_while_a_socket_is_watched() -> None:
    async def session() -> tuple[bytes, float]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            late = threading.Timer(0.1, theirs.send, [b"x"])
            late.start()
            async with asyncio.timeout(30):
                data = await asyncio.get_running_loop().sock_recv(ours, 1)
            late.join()
        return data, asyncio.get_running_loop().time()

    data, passed = in_virtual_time(session)
    assert data == b"x"
    assert 0.05 < passed < 30


@pytest.mark.parametrize("shell", [False, True])
def test_time_does_not_jump_while_a_child_process_runs(shell: bool) -> None:
    async def session() -> tuple[int, float]:
        async with asyncio.timeout(30):
            if shell:
                child = await asyncio.create_subprocess_shell("sleep 0.2")
            else:
                child = await asyncio.create_subprocess_exec("sleep", "0.2")
            status = await child.wait()
        passed = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        return status, passed

    (status, passed), took = measured(session)
    assert status == 0
    assert 0.1 < passed < 30
    assert took < 30


def test_calls_of_other_threads_can_be_counted() -> None:
    async def session() -> float:
        loop = VirtualLoop.running()
        working = [1]
        answer = loop.create_future()
        loop.count_calls(lambda: len(working))

        def work() -> None:
            time.sleep(0.1)
            loop.call_soon_threadsafe(answer.set_result, None)

        threading.Thread(target=work).start()
        async with asyncio.timeout(30):
            await answer
        working.clear()
        return loop.time()

    assert 0.05 < in_virtual_time(session) < 30


def test_a_failed_call_in_a_thread_is_over_too() -> None:
    async def session() -> float:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        await asyncio.sleep(1000)
        return asyncio.get_running_loop().time()

    assert in_virtual_time(session) >= 1000


async def test_the_loop_that_runs_has_to_be_a_virtual_one() -> None:
    with pytest.raises(RuntimeError, match="its time is the real one"):
        VirtualLoop.running()


def test_a_task_that_does_not_let_itself_be_cancelled_holds_nothing_up() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue

    async def session() -> str:
        task = asyncio.ensure_future(stubborn())
        await asyncio.sleep(1)
        assert not task.done()
        return "ended"

    assert in_virtual_time(session) == "ended"
