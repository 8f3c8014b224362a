"""Handlers that raise, hang or return anything: their node fails, and nobody else notices."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.acting import Gate, eventually
from tests.engine.conftest import Opening
from tests.engine.documents import node, workflow
from wfcore import Engine, ExecutionFailed, Handler, NodeContext, NodeError, Status, handler
from wfcore.plugins.handler import HandlerLike


def circular() -> Any:
    value: dict[str, Any] = {}
    value["itself"] = value
    return value


def deep() -> Any:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    return value


OUTPUTS: dict[str, Callable[[], Any]] = {
    "object": object,
    "set": lambda: {1, 2},
    "bytes": lambda: b"x",
    "nan": lambda: float("nan"),
    "infinity": lambda: {"deep": [float("-inf")]},
    "circular": circular,
    "surrogate": lambda: "\ud800",
    "surrogate key": lambda: {"\udfff": 1},
    "tuple key": lambda: {(1, 2): 3},
    "deep": deep,
    "huge integer": lambda: 10**5_000,
}


@pytest.mark.parametrize("synchronous", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("kind", OUTPUTS)
async def test_an_output_that_is_not_json_fails_its_node(
    opening: Opening, kind: str, synchronous: bool
) -> None:
    def returns() -> Any:
        return {"value": OUTPUTS[kind]()}

    async def returns_later() -> Any:
        return {"value": OUTPUTS[kind]()}

    bad = handler("bad")(returns) if synchronous else handler("bad")(returns_later)
    error = await error_of(opening, bad)

    assert error["type"] == "InvalidOutput"
    assert "'bad'" in error["message"]
    assert error["retryable"] is False


async def test_an_output_beyond_the_limit_fails_its_node_and_names_the_setting(
    opening: Opening,
) -> None:
    @handler
    async def bad() -> str:
        return "ä" * 600_000

    error = await error_of(opening, bad)

    assert error["type"] == "OutputTooLarge"
    assert "APP_MAX_OUTPUT_BYTES" in error["message"]


async def test_a_coroutine_that_nobody_awaited_is_named_as_that(opening: Opening) -> None:
    class Hidden(Handler):
        name = "bad"

        def run(self, config: Any, context: NodeContext) -> Any:
            async def hidden() -> int:
                return 1

            return hidden()

    error = await error_of(opening, Hidden)

    assert error["type"] == "InvalidOutput"
    assert "coroutine" in error["message"]


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no form")


class HalfMade(NodeError):
    def __init__(self) -> None:
        pass


def recurse() -> None:
    recurse()


def _raise(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


RAISED: dict[str, tuple[Callable[[], None], str]] = {
    "plain": (_raise(ValueError("why")), "ValueError"),
    "exit": (_raise(SystemExit(3)), "SystemExit"),
    "cancelled": (_raise(asyncio.CancelledError()), "CancelledError"),
    "recursion": (recurse, "RecursionError"),
    "mute": (_raise(Mute()), "Mute"),
    "base": (_raise(BaseException("bare")), "BaseException"),
    "generator exit": (_raise(GeneratorExit()), "*"),
    "stop": (_raise(StopIteration(1)), "*"),
    "stop async": (_raise(StopAsyncIteration()), "*"),
    "group": (_raise(ExceptionGroup("two", [ValueError(), KeyError()])), "ExceptionGroup"),
    "timeout": (_raise(TimeoutError()), "TimeoutError"),
    "surrogate": (_raise(ValueError("\ud800")), "ValueError"),
    "long": (_raise(ValueError("x" * 1_000_000)), "ValueError"),
    "node error": (_raise(NodeError("Mine", "why")), "Mine"),
    "surrogate type": (_raise(NodeError("\ud800", "\udfff", details={"\ud801": 1})), "?"),
    "odd fields": (_raise(NodeError(1, 2, details=object(), retry_after="x")), "1"),  # type: ignore[arg-type]
    "bad details": (_raise(NodeError("Mine", "why", details=Unprintable())), "NodeError"),
    "nan wait": (_raise(NodeError("Mine", "why", retry_after=float("nan"))), "Mine"),
    "long wait": (_raise(NodeError("Mine", "why", retry_after=1e300)), "Mine"),
    "circular details": (_raise(NodeError("Mine", "why", details=circular())), "Mine"),
    "half made": (_raise(HalfMade()), "HalfMade"),
}


@pytest.mark.parametrize("synchronous", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("kind", RAISED)
async def test_whatever_a_handler_raises_is_its_nodes_error(
    opening: Opening, kind: str, synchronous: bool
) -> None:
    act, expected = RAISED[kind]

    async def acts() -> None:
        act()

    error = await error_of(
        opening,
        handler("bad")(act) if synchronous else handler("bad")(acts),
        retry={"max_attempts": 1},
    )

    assert expected in ("*", error["type"])
    assert error["message"]
    assert len(error["message"]) <= 2_000


async def test_an_interrupt_in_a_handlers_thread_does_not_reach_the_loop(opening: Opening) -> None:
    @handler
    def bad() -> None:
        raise KeyboardInterrupt

    error = await error_of(opening, bad, retry={"max_attempts": 1})

    assert "KeyboardInterrupt" in error["message"]


async def test_an_error_that_asks_for_a_wait_beyond_all_clocks_waits_and_can_be_cancelled(
    opening: Opening,
) -> None:
    @handler
    async def bad() -> None:
        raise NodeError("Later", "not now", retryable=True, retry_after=1e300)

    async with opening(bad) as engine:
        execution = await engine.submit(workflow(node("a", "bad")))
        await engine.trigger(execution)

        async def waits() -> bool:
            view = await engine.execution(execution)
            return bool(view["nodes"]["a"]["state"] == "WAITING")

        await eventually(waits, "the node waits")
        assert await engine.cancel(execution) is Status.CANCELLED


async def test_what_a_handler_logs_and_notices_can_always_be_stored(opening: Opening) -> None:
    @handler
    async def odd(context: NodeContext) -> int:
        context.logger.warning("half a pair: \ud800")
        context.logger.info("%d items", "no number")
        context.notice("\udfff" * 10_000)
        context.progress(None, "\ud800")
        return 1

    async with opening(odd) as engine:
        result = await engine.run(workflow(node("a", "odd")))

        assert result.results == {"a": {"value": 1}}
        assert len(result.notices) == 1


async def test_more_hung_threads_than_slots_are_abandoned_and_their_slots_replaced(
    opening: Opening, gate: Gate
) -> None:
    hung = [
        node(f"hung{at}", "blocked", timeout=0.1, retry={"max_attempts": 1}) for at in range(40)
    ]
    free = [node(f"free{at}", "echo", value=at) for at in range(20)]
    threaded = [node(f"thread{at}", "thread") for at in range(20)]

    @handler
    def thread() -> int:
        return threading.get_ident()

    async with opening(thread, concurrency=4) as engine:
        execution = await engine.submit(workflow(*hung, *free, *threaded))
        await engine.trigger(execution)
        result = await engine.wait(execution)

        view = (await engine.execution(execution))["nodes"]
        assert result.status is Status.FAILED
        assert len(gate.waiting) == 40
        assert {view[f"hung{at}"]["error"]["type"] for at in range(40)} == {"Timeout"}
        assert {view[f"free{at}"]["state"] for at in range(20)} == {"COMPLETED"}
        assert {view[f"thread{at}"]["state"] for at in range(20)} == {"COMPLETED"}
        assert engine.counters.abandoned == 40


async def test_async_handlers_that_swallow_cancellation_are_abandoned_and_replaced(
    opening: Opening,
) -> None:
    release = asyncio.Event()
    late: list[str] = []

    @handler
    async def swallows(context: NodeContext) -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                late.append(context.node)
        return "too late"

    hung = [
        node(f"hung{at}", "swallows", timeout=0.05, retry={"max_attempts": 1}) for at in range(3)
    ]
    after = [node(f"after{at}", "echo", f"hung{at}", join="all_done", value=at) for at in range(3)]
    async with opening(swallows, concurrency=2) as engine:
        execution = await engine.submit(workflow(*hung, *after))
        await engine.trigger(execution)
        result = await engine.wait(execution)

        assert result.results == {f"after{at}": {"value": at} for at in range(3)}
        assert {result.errors[f"hung{at}"]["type"] for at in range(3)} == {"Timeout"}
        assert engine.counters.abandoned == 3
        release.set()
        # The slots are whole again: as many as before, no more.
        assert (await engine.run(workflow(node("a", "echo", value=1)))).results["a"]
        assert engine._parts.worker._slots.free == 2
    assert late


async def test_a_handler_that_outlives_its_interruption_has_no_say_any_more(
    opening: Opening,
) -> None:
    @handler
    async def slow_to_end(context: NodeContext) -> str:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            assert context.cancelled
        return "completed after all"

    @handler
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    document = workflow(
        node("a", "slow_to_end", timeout=0.05, on_error="continue", retry={"max_attempts": 1}),
        node("b", "cancels_itself", "a", on_error="continue", retry={"max_attempts": 1}),
        node("c", "echo", "b", value="{{ b.error.type }}"),
    )
    async with opening(slow_to_end, cancels_itself) as engine:
        execution = await engine.submit(document)
        await engine.trigger(execution)
        result = await engine.wait(execution)

        view = (await engine.execution(execution))["nodes"]
        assert result.results == {"c": {"value": "CancelledError"}}
        assert view["a"]["error"]["type"] == "Timeout"


async def test_a_synchronous_loop_stops_where_it_beats(opening: Opening) -> None:
    stopped = threading.Event()

    @handler
    def loops(context: NodeContext) -> None:
        try:
            while True:
                context.heartbeat()
                threading.Event().wait(0.005)
        finally:
            stopped.set()

    error = await error_of(opening, loops, timeout=0.05, retry={"max_attempts": 1})

    assert error["type"] == "Timeout"
    assert stopped.wait(10)


async def error_of(opening: Opening, bad: HandlerLike, **fields: Any) -> dict[str, Any]:
    """Run the handler `bad` beside a node that must not notice; return the bad one's error."""
    name = getattr(bad, "name", "bad")
    async with opening(bad, retry=None) as engine:
        document = workflow(node("a", name, **fields), node("other", "echo", value=1))
        with pytest.raises(ExecutionFailed) as failed:
            await engine.run(document)
        await _is_whole(engine)
        nodes = (await engine.execution(failed.value.execution_id))["nodes"]
        assert nodes["other"] == {"state": "COMPLETED", "output": {"value": 1}}
        assert failed.value.node == "a"
        error: dict[str, Any] = nodes["a"]["error"]
        return error


async def _is_whole(engine: Engine) -> None:
    """All slots are free again, and no lease is held."""
    assert engine._parts.worker.held.leases() == []
    await eventually(lambda: engine._parts.worker._slots.free == 100, "all slots are free")
