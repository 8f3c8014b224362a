"""How many requests are under way at a time."""

import asyncio
from typing import Any

from tests.llm.conftest import Asker, Asking
from tests.llm.endpoint import Act, Endpoint


def many(count: int, model: str, **fields: Any) -> dict[str, Any]:
    nodes = [
        {
            "id": f"n{number}",
            "handler": "call_llm_service",
            "config": {"prompt": f"{number}", "model": model},
            **fields,
        }
        for number in range(count)
    ]
    return {"name": "many", "dag": {"nodes": nodes}}


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_calls_are_held_back_and_no_attempt_is_charged(
    asking: Asking, endpoint: Endpoint
) -> None:
    held = asyncio.Event()
    endpoint.by_model = {"gpt-4o": Act(held=held)}
    async with asking(llm_max_concurrency="2") as asker:
        execution = await asker.engine.submit(many(8, "openai:gpt-4o"))
        await asker.engine.trigger(execution)
        await until(lambda: len(asker.engine.progress(execution)) == 8)
        await until(lambda: endpoint.at_once == 2)
        held.set()
        result = await asker.engine.wait(execution, 20)
        events = [each async for each in asker.engine.events(result.execution_id)]
    assert (str(result.status), endpoint.most_at_once) == ("COMPLETED", 2)
    assert len(endpoint.requests) == 8
    assert {event.attempt for event in events if event.key.startswith("n")} == {1}


async def test_a_provider_can_have_a_limit_of_its_own(asking: Asking, endpoint: Endpoint) -> None:
    held = asyncio.Event()
    endpoint.by_model = {"gpt-4o": Act(held=held)}
    async with asking(llm_max_concurrency_openai="1") as asker:
        waiting = await asker.engine.submit(many(3, "openai:gpt-4o"))
        await asker.engine.trigger(waiting)
        await until(lambda: endpoint.at_once == 1)
        await asker.output(model="anthropic:claude-opus-5", max_tokens=100)
        assert endpoint.at_once == 1
        held.set()
        assert str((await asker.engine.wait(waiting)).status) == "COMPLETED"
        # All under way have ended: the slot that each had is free again.
        await asker.output(model="openai:gpt-4o-mini")


async def test_who_came_first_is_asked_first(asking: Asking, endpoint: Endpoint) -> None:
    held = asyncio.Event()
    endpoint.queue(Act(held=held))
    async with asking(llm_max_concurrency="1") as asker:
        first = await _begun(asker, "first")
        await until(lambda: endpoint.at_once == 1)
        others = []
        for name in ("second", "third", "fourth"):
            others.append(await _begun(asker, name))
            await until(lambda: asker.engine.progress(others[-1]))
        held.set()
        for execution in (first, *others):
            await asker.engine.wait(execution, 20)
    assert endpoint.prompts == ["first", "second", "third", "fourth"]


async def test_a_waiting_node_can_be_cancelled_and_its_place_is_given_on(
    asking: Asking, endpoint: Endpoint
) -> None:
    held = asyncio.Event()
    endpoint.queue(Act(held=held))
    async with asking(llm_max_concurrency="1") as asker:
        first = await _begun(asker, "first")
        await until(lambda: endpoint.at_once == 1)
        waiting = await _begun(asker, "second")
        await until(lambda: asker.engine.progress(waiting))
        assert "APP_LLM_MAX_CONCURRENCY" in asker.engine.progress(waiting)["ask"][1]
        await asker.engine.cancel(waiting)
        assert str((await asker.engine.wait(waiting, 20)).status) == "CANCELLED"
        held.set()
        assert str((await asker.engine.wait(first, 20)).status) == "COMPLETED"
        assert (await asker.output(prompt="third"))["result"] == "Hello."
    assert endpoint.prompts == ["first", "third"]


async def test_cancelling_a_node_breaks_off_its_request(asker: Asker, endpoint: Endpoint) -> None:
    endpoint.queue(Act(held=asyncio.Event()))
    execution = await _begun(asker, "first")
    await until(lambda: endpoint.at_once == 1)
    await asker.engine.cancel(execution)
    assert str((await asker.engine.wait(execution, 20)).status) == "CANCELLED"
    assert len(endpoint.requests) == 1


async def _begun(asker: Asker, prompt: str) -> str:
    execution = await asker.submitted(prompt=prompt)
    await asker.engine.trigger(execution)
    return execution
