"""Looking into one node: its attempts, its rendered config, what it logged."""

import re
from pathlib import Path
from typing import Annotated

import pytest

from tests.engine.acting import Gate, eventually, noop
from tests.engine.conftest import Opening
from tests.engine.documents import node, workflow
from wfcore import Engine, ExecutionNotFound, NodeContext, NodeNotFound, Secret, Status, handler

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@handler
async def talks(context: NodeContext, until: int = 0) -> str:
    context.logger.info("attempt %d", context.attempt)
    if context.attempt < until:
        raise ValueError(f"not yet: {context.attempt}")
    return "done"


@handler
async def signs(token: Annotated[str, Secret], text: str) -> str:
    return f"{len(token)} {text}"


async def test_attempts_with_their_errors_times_and_lines(opening: Opening) -> None:
    async with opening(talks) as engine:
        execution = (await engine.run(workflow(node("a", "talks", until=3)))).execution_id
        view = await engine.node(execution, "a")
    assert (view["handler"], view["state"], view["output"]) == (
        "talks",
        "COMPLETED",
        {"value": "done"},
    )
    assert [each["outcome"] for each in view["attempts"]] == ["WAITING", "WAITING", "COMPLETED"]
    assert [each["attempt"] for each in view["attempts"]] == [1, 2, 3]
    assert [each["log"] for each in view["attempts"]] == [
        ["INFO attempt 1"],
        ["INFO attempt 2"],
        ["INFO attempt 3"],
    ]
    assert view["log"] == ["INFO attempt 3"]
    errors = [each.get("error", {}).get("message") for each in view["attempts"]]
    assert errors == ["not yet: 1", "not yet: 2", None]
    assert view["attempts"][0]["retry_in_ms"] >= 0
    times = [each[name] for each in view["attempts"] for name in ("started", "ended")]
    assert all(MOMENT.fullmatch(time) for time in times)
    assert times == sorted(times)
    assert (view["started"], view["ended"]) == (times[0], times[-1])


async def test_a_node_that_a_predecessor_went_on_with_has_its_start(engine: Engine) -> None:
    execution = (await engine.run(workflow(node("a"), node("b", "noop", "a")))).execution_id
    [attempt] = (await engine.node(execution, "b"))["attempts"]
    assert MOMENT.fullmatch(attempt["started"])
    assert attempt["outcome"] == "COMPLETED"


async def test_the_config_is_the_rendered_one(engine: Engine) -> None:
    document = workflow(
        node("a", "echo", value={"n": 3}),
        node("b", "echo", "a", value="{{ a.output.value.n }} for {{ execution.input.who }}"),
    )
    execution = (await engine.run(document, {"who": "Ada"})).execution_id
    view = await engine.node(execution, "b")
    assert view["config"] == {"value": "3 for Ada"}
    assert view["dependencies"] == ["a"]


async def test_overrides_are_in_the_config(engine: Engine) -> None:
    execution = await engine.submit(workflow(node("a", "echo", value=1)))
    await engine.trigger(execution, {"a": {"value": 2}})
    await engine.wait(execution)
    assert (await engine.node(execution, "a"))["config"] == {"value": 2}


async def test_secrets_are_masked(opening: Opening) -> None:
    document = workflow(node("a", "signs", token="{{ secrets.TOKEN }}", text="hello"))
    async with opening(signs, secrets={"TOKEN": "very-secret-value"}) as engine:
        execution = (await engine.run(document)).execution_id
        view = await engine.node(execution, "a")
    assert view["config"] == {"token": "***", "text": "hello"}
    assert "very-secret" not in str(view)


async def test_what_waits_for_others_has_no_config_yet(engine: Engine, gate: Gate) -> None:
    document = workflow(node("a", "held"), node("b", "echo", "a", value="{{ a.output.value }}"))
    execution, _ = await engine.start_execution(document)
    await eventually(lambda: gate.waiting == ["a"], "a runs")
    view = await engine.node(execution, "b")
    assert (view["state"], view["config"], view["config_error"]) == (
        "PENDING",
        None,
        "waits for a",
    )
    assert view["attempts"] == []
    assert (view["started"], view["ended"]) == (None, None)
    running = await engine.node(execution, "a")
    assert running["attempts"][0]["outcome"] == "RUNNING"
    assert running["attempts"][0]["ended"] is None
    gate.open()
    await engine.wait(execution)


async def test_a_config_that_cannot_be_rendered_says_why(engine: Engine) -> None:
    document = workflow(
        node("a", "echo", value={}), node("b", "echo", "a", value="{{ a.output.value.nope }}")
    )
    execution, _ = await engine.start_execution(document)
    await engine.wait(execution)
    view = await engine.node(execution, "b")
    assert view["config"] is None
    assert "nope" in view["config_error"]
    assert view["error"]["type"] == "TemplateError"


async def test_a_running_node_shows_its_lines_and_how_far_it_is(
    opening: Opening, gate: Gate
) -> None:
    @handler
    async def tells(context: NodeContext) -> None:
        context.logger.warning("half way")
        context.progress(0.5, "half")
        await gate.held.run(gate.held.Config(), context)

    async with opening(tells) as engine:
        execution, _ = await engine.start_execution(workflow(node("a", "tells")))
        await eventually(lambda: gate.waiting == ["a"], "a runs")
        view = await engine.node(execution, "a")
        assert view["log"] == ["WARNING half way"]
        assert view["progress"] == {"fraction": 0.5, "message": "half"}
        gate.open()
        await engine.wait(execution)


async def test_what_nothing_touched_before_the_end_is_cancelled(engine: Engine, gate: Gate) -> None:
    execution, _ = await engine.start_execution(workflow(node("a", "held"), node("b", "noop", "a")))
    await eventually(lambda: gate.waiting == ["a"], "a runs")
    await engine.cancel(execution)
    await engine.wait(execution)
    assert (await engine.node(execution, "b"))["state"] == "CANCELLED"


async def test_a_node_whose_plugin_is_gone_can_still_be_read(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    async with Engine(store, handlers=[talks]) as engine:
        execution = (await engine.run(workflow(node("a", "talks")))).execution_id
    async with Engine(store) as engine:
        view = await engine.node(execution, "a")
    assert (view["state"], view["handler"], view["dependencies"]) == ("COMPLETED", "talks", [])
    assert view["config"] == {}


async def test_a_node_whose_plugin_is_gone_waits_for_it_and_says_so(
    tmp_path: Path, gate: Gate
) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    document = workflow(node("a", "held"), node("b", "talks", "a"), node("c", "noop", "a"))
    async with Engine(store, handlers=[talks, gate.held, noop], drain_seconds=0) as engine:
        execution, _ = await engine.start_execution(document)
        await eventually(lambda: gate.waiting == ["a"], "a runs")
    gate.open()
    async with Engine(store, handlers=[gate.held, noop]) as engine:

        async def others_went_on() -> bool:
            return bool((await engine.node(execution, "c"))["state"] == "COMPLETED")

        await eventually(others_went_on, "c completed")
        view = await engine.node(execution, "b")
        assert view["state"] == "READY"
        assert view["waiting_for"] == "the handler 'talks' is not installed here"
    async with Engine(store, handlers=[talks, gate.held, noop]) as engine:
        assert (await engine.wait(execution, 10)).status is Status.COMPLETED


async def test_unknown_names_are_told_apart(engine: Engine) -> None:
    execution = await engine.submit(workflow(node("alpha")))
    with pytest.raises(NodeNotFound) as wrong:
        await engine.node(execution, "alhpa")
    assert wrong.value.hint == 'did you mean "alpha"?'
    with pytest.raises(ExecutionNotFound):
        await engine.node("nobody", "alpha")


@pytest.mark.parametrize("key", ["a", "a.", "a-", "aa", "0"])
async def test_the_row_of_a_node_is_found_among_its_neighbours(engine: Engine, key: str) -> None:
    names = ("a", "a.", "a-", "aa", "0", "a0", "A", "_", "b", "a_")
    document = workflow(*(node(name, "echo", value=name) for name in names))
    execution = (await engine.run(document)).execution_id
    view = await engine.node(execution, key)
    assert (view["output"], len(view["attempts"])) == ({"value": key}, 1)
    assert view["ended"] is not None
