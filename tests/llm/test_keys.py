"""Credentials are the operator's: they reach the vendor, and nothing else."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ANTHROPIC_KEY, GOOGLE_KEY, KEY, Asker, Asking
from tests.llm.endpoint import Act, Endpoint
from wfcore import Message
from wfplugins_builtin.llm.masking import MASK, Mask

CANARIES = (KEY, ANTHROPIC_KEY, GOOGLE_KEY)
MODELS = ("openai:gpt-4o", "anthropic:claude-opus-5", "google:gemini-3-flash-preview")


def told(key: str, status: int) -> Act:
    """A service that repeats the key it was given, wherever it can."""
    body = json.dumps({"error": {"message": f"bad key: {key}", "type": key, "code": key}})
    return Act(status=status, body=body, headers={"x-echo": key})


async def test_they_stand_in_no_file_log_event_error_or_answer(
    asking: Asking, endpoint: Endpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Any] = []
    async with asking(store=f"sqlite:///{tmp_path}/wf.db") as asker:
        for model, key in zip(MODELS, CANARIES, strict=True):
            for act in (
                Act(f"Your key is {key}."),
                told(key, 401),
                told(key, 500),
                Act(body=f"not JSON {key}"),
                Act(breaks="reset"),
            ):
                endpoint.queue(act)
                once = {"retry": {"max_attempts": 1}}
                result = await asker.result(model=model, node=once, max_tokens=100)
                seen += [result, await asker.engine.execution(result.execution_id)]
                seen += [each async for each in asker.engine.events(result.execution_id)]
        assert seen[0].results["ask"]["result"] == f"Your key is {MASK}."
        everything = [path.read_bytes() for path in tmp_path.iterdir()]
    everything += [path.read_bytes() for path in tmp_path.iterdir()]
    sent = repr([request.headers for request in endpoint.requests])
    assert all(canary in sent for canary in CANARIES)
    shown = repr(seen) + caplog.text + repr([record.__dict__ for record in caplog.records])
    for canary in CANARIES:
        assert canary not in shown
        assert not any(canary.encode() in content for content in everything)


async def test_a_streamed_answer_is_masked_across_its_pieces(
    asking: Asking, endpoint: Endpoint
) -> None:
    endpoint.queue(Act(f"Your key is {KEY}, sk-"))
    async with asking() as asker:
        execution = await asker.submitted(stream=True)
        watching = asyncio.create_task(_told(asker, execution))
        await asyncio.sleep(0)
        await asker.engine.trigger(execution)
        heard = await asyncio.wait_for(watching, 20)
        result = await asker.engine.wait(execution)
    assert result.results["ask"]["result"] == f"Your key is {MASK}, sk-"
    assert "".join(heard) == f"Your key is {MASK}, sk-"


async def _told(asker: Asker, execution: str) -> list[str]:
    watching = asker.engine.events(execution, transient=True)
    return [each.data["text"] async for each in watching if isinstance(each, Message)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_stream_is_masked_wherever_it_is_cut(size: int) -> None:
    text = f"{KEY[:5]} and {KEY}{KEY} and {ANTHROPIC_KEY}! {KEY[:-1]}"
    mask = Mask(CANARIES)
    pieces: list[str] = []
    stream = mask.streamed(pieces.append)
    for at in range(0, len(text), size):
        stream.feed(text[at : at + size])
    stream.finish()
    assert "".join(pieces) == mask.answer(text)
    assert KEY not in "".join(pieces)


@pytest.mark.parametrize(
    "said",
    ["Incorrect API key provided: sk-abc***********wxyz.", "Bearer abcdef", "AIzaSyA123456789012"],
)
def test_errors_hide_what_looks_like_a_key_as_well(said: str) -> None:
    assert MASK in Mask([]).error(said)
    for word in ("sk-abc", "abcdef", "AIzaSy"):
        assert word not in Mask([]).error(said)


async def test_a_password_in_a_base_url_is_a_credential(
    asking: Asking, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = endpoint.url.replace("http://", "http://me:CANARY-password@") + "/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    endpoint.queue(told("CANARY-password", 400))
    async with asking() as asker:
        error = await asker.error()
    assert "CANARY-password" not in repr(error)


async def test_a_workflow_cannot_send_the_key_elsewhere(asking: Asking, endpoint: Endpoint) -> None:
    async with asking() as asker:
        for options in ({"extra_headers": {"host": "evil"}}, {"base_url": "http://evil"}):
            error = await asker.error(provider_options={"openai": options})
            assert error["type"] == "InvalidConfig"
    assert endpoint.requests == []
