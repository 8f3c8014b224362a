"""Secrets stay masked and bound to their hosts, wherever the handler that uses them runs."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrets.canary import leaks, leaks_in
from tests.secrets.echo import Echo
from tests.secrets.running import ended, engine, node
from tests.secrets.workflow import everything


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as service:
        yield service


@pytest.fixture(autouse=True)
def _records_as_before() -> Iterator[None]:
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("level", ["thread", "process"])
async def test_what_uses_secrets_in_every_way_leaves_none_behind(
    level: str,
    echo: Echo,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    store = f"sqlite:///{tmp_path}/wf.db"
    async with engine(store=store, isolation={"*": level}) as opened:
        execution = await opened.submit(everything(echo))
        heard: list[object] = []

        async def listen() -> None:
            async for each in opened.events(execution, transient=True):
                heard.append(each)
                heard.append(opened.progress(execution))

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await opened.trigger(execution)
        result = await opened.wait(execution, timeout=40)
        await asyncio.wait_for(listening, 10)
        view = await opened.execution(execution)

    assert view["nodes"]["told"]["state"] == "COMPLETED"
    types = {each["error"]["type"] for each in view["nodes"].values() if "error" in each}
    assert {"RuntimeError", "Cut", "InvalidOutput", "HttpStatus", "SecretHost"} <= types
    assert leaks("\n".join(echo.heard))
    assert "kind <***>" in repr(heard)
    for artefact in (repr(result), repr(view), repr(heard), caplog.text):
        assert "***" in artefact
        assert leaks(artefact) == []
    assert leaks_in(tmp_path) == {}
    assert {"careless.library", "careless.thread"} <= {record.name for record in caplog.records}
    assert leaks("".join(capfd.readouterr())) == []


@pytest.mark.parametrize("level", ["thread", "process"])
async def test_a_secret_goes_only_to_its_hosts(level: str, echo: Echo) -> None:
    there = node("a", "careless", token="{{ secrets.TOKEN }}", url=echo.url("/text"))
    free = node("b", "careless", token="{{ secrets.FREE }}", url=echo.url("/text"))
    mine = node("c", "careless", token="{{ secrets.MINE }}", url=echo.url("/text"))
    secrets = {
        "TOKEN": "first-token",
        "TOKEN_HOSTS": "api.example.com, 10.0.0.0/8, [::1]:80",
        "FREE": "second-token",
        "MINE": "third-token",
        "MINE_HOSTS": f"127.0.0.1:{echo.port}",
    }
    async with engine(secrets, isolation={"*": level}) as opened:
        refused = await ended(opened, there)
        assert echo.heard == []
        allowed = await ended(opened, free, mine)

    assert refused.errors["a"]["type"] == "SecretHost"
    assert allowed.status == "COMPLETED", allowed.errors
    assert len(echo.heard) == 2
