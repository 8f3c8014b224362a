"""FakeContext: what it gives is set, what it is told is kept, within the bounds of an engine."""

import logging
import threading

import pytest

from wfcore import NodeError
from wfcore.testing import FakeContext


async def test_it_gives_what_it_was_given() -> None:
    context = FakeContext(
        input={"name": "Ada"},
        outputs={"a": {"x": 1}},
        settings={"greeting": "Hello"},
        node="greet",
        attempt=3,
    )
    assert await context.input() == {"name": "Ada"}
    assert await context.outputs() == {"a": {"x": 1}}
    assert (context.setting("greeting"), context.setting("other")) == ("Hello", None)
    assert (context.node, context.attempt) == ("greet", 3)
    assert context.idempotency_key == f"{context.execution_id}/greet"


async def test_without_anything_it_is_an_execution_without_input() -> None:
    context = FakeContext()
    assert await context.input() == {}
    assert await context.outputs() == {}
    assert not context.cancelled
    assert await FakeContext(input=None).input() is None


async def test_what_it_gives_is_a_copy() -> None:
    context = FakeContext(input={"list": []}, outputs={"a": {"list": []}})
    (await context.input())["list"].append(1)
    (await context.outputs())["a"]["list"].append(1)
    assert await context.input() == {"list": []}
    assert await context.outputs() == {"a": {"list": []}}


def test_it_keeps_what_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    context = FakeContext()
    with caplog.at_level(logging.DEBUG):
        context.logger.info("read %d", 2)
        context.logger.debug("not kept, as by an engine")
    context.notice("look")
    context.progress(0.5, "half")
    context.emit("token", {"text": "a"})
    context.meter("tokens", 2)
    context.meter("tokens", 3)

    assert context.log_lines == ["INFO read 2"]
    assert caplog.messages == ["read 2"]
    assert context.notices == ["look"]
    assert context.progressed == [(0.5, "half")]
    assert context.emitted == [("token", {"text": "a"})]
    assert context.meters == {"tokens": 5}


def test_each_context_has_a_log_of_its_own() -> None:
    first, second = FakeContext(), FakeContext()
    first.logger.warning("mine")
    assert (first.log_lines, second.log_lines) == (["WARNING mine"], [])


def test_what_is_emitted_has_to_be_json() -> None:
    with pytest.raises(TypeError):
        FakeContext().emit("set", {1, 2})


def test_meters_have_the_bounds_of_an_engine() -> None:
    context = FakeContext()
    with pytest.raises(ValueError, match="no amount"):
        context.meter("tokens", float("inf"))
    for number in range(20):
        context.meter(f"meter-{number}", 1)
    with pytest.raises(ValueError, match="up to 20 meters"):
        context.meter("one-more", 1)


def test_a_cancelled_one_stops_a_loop_in_another_thread() -> None:
    context = FakeContext()
    stopped: list[NodeError] = []

    def loop() -> None:
        try:
            while True:
                context.heartbeat()
        except NodeError as error:
            stopped.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    context.cancel()
    thread.join(10)
    assert [error.type for error in stopped] == ["Cancelled"]
    assert FakeContext(cancelled=True).cancelled


async def test_its_http_client_is_the_guarded_one() -> None:
    context = FakeContext()
    with pytest.raises(NodeError) as caught:
        await context.http.request("GET", "http://127.0.0.1:9/")
    assert caught.value.type == "OutboundRefused"
    await context.close()
