"""Closing an engine, whatever plugins do meanwhile."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from wfcore import Engine, Handler, NodeContext, hookimpl
from wfcore.bus.local import LocalBus
from wfcore.engine import closing
from wfcore.engine.heart import Heart
from wfcore.outbound.client import OutboundClient
from wfcore.store.memory import MemoryStore


class Bus(LocalBus):
    closed = False

    async def close(self) -> None:
        self.closed = True
        await super().close()


class Store(MemoryStore):
    closed = False

    async def close(self) -> None:
        self.closed = True
        await super().close()


class Closing(Handler):
    error: ClassVar[type[BaseException] | None] = None
    name = "closing"

    async def run(self, config: Any, context: NodeContext) -> str:
        return ""

    async def close(self) -> None:
        if self.error is None:
            await asyncio.Event().wait()
        else:
            raise self.error


@pytest.mark.parametrize(
    "error", [None, RuntimeError, asyncio.CancelledError, SystemExit, GeneratorExit]
)
async def test_a_handler_that_does_not_close_leaves_nothing_open(
    error: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "_CLOSE_SECONDS", 0.1)

    class Wrong(Closing):
        pass

    Wrong.error = error
    bus, store = Bus(), Store()
    async with asyncio.timeout(5):
        async with Engine(store, bus=bus, handlers=[Wrong], discover=False):
            pass
    assert (bus.closed, store.closed) == (True, True)


async def test_a_heart_that_fails_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(self: Heart) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Heart, "stop", stop)
    bus, store = Bus(), Store()
    engine = Engine(store, bus=bus, discover=False)
    await engine.start()
    assert engine._assembled is not None
    threads = engine._assembled.threads
    closed = list[str]()

    async def close(self: OutboundClient) -> None:
        closed.append("http")

    monkeypatch.setattr(OutboundClient, "close", close)
    with pytest.raises(RuntimeError, match="broken"):
        await engine.close()
    assert (bus.closed, store.closed, threads._idle._closed) == (True, True, True)
    assert closed == ["http"]
    engine._assembled.heart._stopped.set()


async def test_a_start_that_fails_closes_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(closing, "assemble", broken)
    bus, store = Bus(), Store()
    with pytest.raises(RuntimeError, match="broken"):
        await Engine(store, bus=bus, discover=False).start()
    assert (bus.closed, store.closed) == (True, True)


class Provider:
    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.closed = 0
        self.error = error

    async def ask(self, *_: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


async def test_providers_of_language_models_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    well, wrong = Provider(), Provider(asyncio.CancelledError)

    class Plugin:
        @hookimpl
        def wfcore_register_llm_providers(self) -> Mapping[str, Any]:
            return {"wrong": wrong, "well": well, "alias": well}

    async with Engine(plugins=[Plugin()], discover=False):
        pass
    assert (well.closed, wrong.closed) == (1, 1)
    assert "LLM provider wrong did not close" in caplog.text
