"""What a handler sees and says is the same wherever it runs."""

import asyncio
import logging
from typing import Any

import pytest

from tests.engine.documents import node, workflow
from tests.isolation.engines import ended, engine
from tests.secrets.echo import Echo
from wfcore import Engine, Message, Status

LEVELS = ["task", "thread", "process"]


@pytest.fixture
def service() -> Any:
    with Echo() as echo:
        yield echo


async def _watched(opened: Engine, execution: str) -> list[Message]:
    return [
        each async for each in opened.events(execution, transient=True) if isinstance(each, Message)
    ]


@pytest.mark.parametrize("level", LEVELS)
async def test_every_member_of_the_context_works_at_every_level(
    level: str, service: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options: dict[str, Any] = {"settings": {"colour": "blue"}, "outbound_allow": ["127.0.0.1"]}
    async with engine({"everything": level}, **options) as opened:
        document = workflow(
            node("first", "echo", value="ä"),
            node("a", "everything", "first", url=service.url("/text")),
        )
        document["labels"] = {"team": "blue"}
        execution = await opened.submit(document, {"number": 7})
        watching = asyncio.create_task(_watched(opened, execution))
        await asyncio.sleep(0)
        await opened.trigger(execution)
        result = await opened.wait(execution, timeout=20)
        heard = await watching
        shown = await opened.node(execution, "a")
        output = (await opened.execution(execution))["nodes"]["a"]["output"]

    assert result.status is Status.COMPLETED, result.errors
    assert output.pop("body").startswith("/text")
    assert output == {
        "ids": [execution, "a", 1, f"{execution}/a"],
        "outputs": {"first": {"value": "ä"}},
        "input": {"number": 7},
        "setting": "blue",
        "no setting": None,
        "cancelled": False,
        "runs": ["everything", "tested", {"team": "blue"}, "EverythingConfig"],
        "young": True,
        "status": 200,
    }
    assert result.notices == ("noticed",)
    assert result.usage == {"tokens": pytest.approx(3.3)}
    assert [(each.kind, each.data) for each in heard] == [("kind", {"data": [1, "ä", "\ud800"]})]
    assert "WARNING a line of a" in str(shown)
    said = {record.getMessage(): record for record in caplog.records}
    assert said["a library's line"].name == "a.library"
    assert said["a line of a"].node == "a"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["node error", "exception", "exit", "stop", "cancelled"])
@pytest.mark.parametrize("level", ["thread", "process"])
async def test_an_error_arrives_as_it_would_on_the_loop(level: str, kind: str) -> None:
    errors = []
    for each in ("task", level):
        async with engine({"fall": each}) as opened:
            errors.append((await ended(opened, node("a", "fall", kind=kind))).errors["a"])
    plain, isolated = errors

    if kind == "node error":
        assert isolated == plain
    else:
        for field in ("type", "retryable") if kind == "cancelled" else ("type", "message"):
            assert isolated[field] == plain[field]
    if kind == "exception":
        assert isolated["details"]["traceback"][-1] == plain["details"]["traceback"][-1]


@pytest.mark.parametrize("kind", ["no json", "nan", "surrogate", "large", "larger"])
async def test_an_output_that_cannot_be_taken_is_refused_as_on_the_loop(kind: str) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "fall", kind=kind))

    expected = "OutputTooLarge" if kind.startswith("large") else "InvalidOutput"
    assert result.errors["a"]["type"] == expected
    assert result.errors["a"]["retryable"] is False


@pytest.mark.parametrize(
    ("kind", "expected"), [("stop", "RuntimeError"), ("exit", "SystemExit"), ("other", "Mine")]
)
async def test_a_synchronous_handler_fails_with_what_it_raises(kind: str, expected: str) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "fail_sync", kind=kind))

    assert result.errors["a"]["type"] == expected


async def test_a_wrong_amount_is_told_to_the_handler_that_meters_it() -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "meter_badly"))

    assert result.errors["a"]["type"] == "ValueError"


async def test_a_config_that_does_not_fit_is_told_as_on_the_loop() -> None:
    async with engine() as opened:
        given = node("first", "echo", value="many")
        wrong = node("a", "leave", "first", code="{{ first.output.value }}")
        result = await ended(opened, given, wrong)

    assert result.errors["a"]["type"] == "InvalidConfig"
    assert "/code" in result.errors["a"]["message"]


@pytest.mark.parametrize("level", LEVELS)
async def test_an_output_is_written_once(level: str) -> None:
    async with engine({"shaped": level}) as opened:
        result = await ended(opened, node("a", "shaped"))
        output = (await opened.execution(result.execution_id))["nodes"]["a"]["output"]

    assert output == {"w": 3}


async def test_what_a_handler_prints_goes_to_stderr_and_harms_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "noisy"))
    out, err = capfd.readouterr()

    assert result.status is Status.COMPLETED
    assert out == ""
    for line in ("printed on stdout", "written to the descriptor", "printed on stderr"):
        assert line in err


@pytest.mark.parametrize("level", ["thread", "process"])
async def test_requests_go_only_where_the_operator_lets_them(level: str, service: Echo) -> None:
    async with engine({"fetch": level}) as opened:
        result = await ended(opened, node("a", "fetch", url=service.url("/text")))
    async with engine({"fetch": level}, outbound_allow=[f"127.0.0.1:{service.port}"]) as opened:
        allowed = await ended(opened, node("a", "fetch", url=service.url("/text")))

    assert result.errors["a"]["type"] == "OutboundRefused"
    assert allowed.status is Status.COMPLETED, allowed.errors
    assert len(service.heard) == 1
