"""`log`: a line beside the node and in the process's log, and its message for the next node."""

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from wfcore import DocumentRefused, Engine, Result
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler


async def logged(
    builtins: Registry, caplog: pytest.LogCaptureFixture, config: Any
) -> logging.LogRecord:
    caplog.set_level(logging.DEBUG)
    # As an engine does, it looks at the level when it is made.
    await run_handler(builtins.handler("log"), config, FakeContext())
    [record] = [each for each in caplog.records if each.name == "wfcore.testing.node"]
    return record


async def run(config: dict[str, Any], result: str) -> tuple[Result, list[str]]:
    """Run a node and one after it; return the result, and the lines beside the node."""
    nodes = [
        {"id": "note", "handler": "log", "config": config},
        {
            "id": "out",
            "handler": "output",
            "dependencies": ["note"],
            "config": {"value": result},
        },
    ]
    async with Engine() as engine:
        execution = await engine.submit({"name": "w", "dag": {"nodes": nodes}}, {"total": 20})
        await engine.trigger(execution)
        ended = await engine.wait(execution, 30)
        events = [event async for event in engine.events(execution) if event.key == "note"]
    lines = [line for event in events for line in (event.detail or {}).get("log", [])]
    return ended, lines


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
async def test_a_line_has_the_level_that_it_is_given(
    builtins: Registry, caplog: pytest.LogCaptureFixture, level: str
) -> None:
    record = await logged(builtins, caplog, {"message": "here", "level": level})
    assert (record.getMessage(), record.levelname) == ("here", level.upper())


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"message": "100 %s"}, "100 %s"),
        ({"message": {"a": "ä"}}, '{"a":"ä"}'),
        ({"message": None}, "null"),
        (
            {"message": "order", "fields": {"id": 7, "who": "Ada", "paid": True, "tags": ["a b"]}},
            'order id=7 who=Ada paid=true tags=["a b"]',
        ),
        (
            {"message": "order", "fields": {"a": "two words", "b": "", "c": "x=1", "d": "l\nl"}},
            'order a="two words" b="" c="x=1" d="l\\nl"',
        ),
    ],
)
async def test_what_is_no_text_is_json_and_fields_stand_behind_the_message(
    builtins: Registry,
    caplog: pytest.LogCaptureFixture,
    config: dict[str, Any],
    line: str,
) -> None:
    record = await logged(builtins, caplog, config)
    assert record.getMessage() == line
    assert vars(record)["fields"] == config.get("fields", {})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"message": "a", "level": "critical"},
        {"message": "a", "field": {}},
        {"message": "a", "fields": []},
    ],
)
def test_a_config_that_does_nothing_is_refused(builtins: Registry, config: Any) -> None:
    with pytest.raises(ValidationError):
        builtins.handler("log").Config.model_validate(config)


async def test_the_line_stands_beside_the_node_and_the_value_goes_on() -> None:
    config = {
        "message": "{{ execution.input }}",
        "level": "warning",
        "fields": {"total": "{{ execution.input.total }}"},
    }
    ended, lines = await run(config, "{{ note.output.message.total + 1 }}")
    assert lines == ['WARNING {"total":20} total=20']
    assert ended.results == {"out": 21}


async def test_the_line_reaches_the_process_log_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended, _ = await run({"message": "here", "level": "error"}, "x")
    [record] = [each for each in caplog.records if each.name == "wfcore.node.note"]
    assert (record.getMessage(), record.levelno) == ("here", logging.ERROR)
    assert vars(record)["execution"] == ended.execution_id


@pytest.mark.parametrize(("threshold", "lines"), [("INFO", []), ("DEBUG", ["DEBUG deep down"])])
async def test_a_debug_line_is_for_those_who_look_for_it(
    caplog: pytest.LogCaptureFixture, threshold: str, lines: list[str]
) -> None:
    caplog.set_level(threshold)
    _, told = await run({"message": "deep down", "level": "debug"}, "x")
    assert told == lines
    shown = [each for each in caplog.records if each.getMessage() == "deep down"]
    assert len(shown) == len(lines)


async def test_a_reference_to_what_it_does_not_give_is_refused() -> None:
    with pytest.raises(DocumentRefused) as refused:
        await run({"message": "here"}, "{{ note.output.level }}")
    assert [each.code for each in refused.value.problems] == ["reference.unknown_field"]
