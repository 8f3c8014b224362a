"""The library inside somebody's program: any loop, clear errors, nothing left behind."""

import asyncio
import gc
import threading
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, cast

import pytest

import wfcore
from tests.engine.acting import boom, echo, eventually, noop
from tests.engine.documents import chain, node, workflow
from wfcore import Engine, ExecutionFailed, NodeContext, Status

HELLO = workflow(node("a", "echo", value="hello {{ execution.input.name }}"))


def test_one_call_runs_a_workflow() -> None:
    result = wfcore.run(HELLO, input={"name": "Ada"}, handlers=[echo])

    assert result.status is Status.COMPLETED
    assert result.results == {"a": {"value": "hello Ada"}}


async def test_the_same_call_works_inside_a_running_loop() -> None:
    result = wfcore.run(HELLO, {"name": "Ada"}, handlers=[echo])

    assert result.results == {"a": {"value": "hello Ada"}}
    assert asyncio.get_running_loop().is_running()


async def test_a_synchronous_handler_may_itself_run_a_workflow() -> None:
    @wfcore.handler
    def nested(name: str) -> Any:
        return wfcore.run(HELLO, {"name": name}, handlers=[echo]).results

    async with Engine(handlers=[nested]) as engine:
        result = await engine.run(workflow(node("n", "nested", name="Ada")))

    assert result.results == {"n": {"a": {"value": "hello Ada"}}}


@pytest.mark.parametrize("inside", [False, True])
def test_a_failed_execution_names_node_error_and_execution(inside: bool) -> None:
    document = workflow(node("fine", "noop"), node("bad", "boom", "fine"))

    async def calls() -> None:
        wfcore.run(document, handlers=[noop, boom])

    def call() -> None:
        if inside:
            asyncio.run(calls())
        else:
            wfcore.run(document, handlers=[noop, boom])

    with pytest.raises(ExecutionFailed) as failed:
        call()

    assert failed.value.node == "bad"
    assert failed.value.error is not None
    assert failed.value.error["type"] == "Boom"
    assert failed.value.status == "FAILED"
    assert failed.value.execution_id
    assert "bad" in str(failed.value)
    assert "as asked" in str(failed.value)


def _files() -> set[str]:
    open_ones = set()
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            open_ones.add(f"{file.name} {file.readlink()}")
    return open_ones


async def _busy(store: str) -> None:
    @wfcore.handler
    def thread(context: NodeContext) -> int:
        return threading.get_ident()

    @wfcore.handler
    async def calls(context: NodeContext) -> int:
        try:
            await context.http.request("GET", "http://127.0.0.1:9/")
        except wfcore.NodeError:
            return 1
        return 0

    threads = [node(f"t{at}", "thread") for at in range(5)]
    options: dict[str, Any] = {"drain_seconds": 0.1, "outbound_allow": ["127.0.0.1:9"]}
    async with Engine(store, handlers=[thread, calls, noop], **options) as engine:
        await engine.run(workflow(*threads, node("c", "calls"), *chain(5)["dag"]["nodes"]))
        execution = (await engine.run(chain(2))).execution_id
        async with aclosing(cast("Any", engine.events(execution))) as watcher:
            await anext(watcher)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_closed_engine_leaves_no_task_thread_or_file_behind(
    kind: str, tmp_path: Path
) -> None:
    url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/wf.db"
    # The first time opens what stays open for good (the loop's own threads, name resolution).
    await _busy(url)
    gc.collect()
    files, tasks = _files(), asyncio.all_tasks()

    await _busy(url)

    await eventually(lambda: _own_threads() == [], "the engine's threads end")
    gc.collect()
    assert asyncio.all_tasks() == tasks
    assert _files() == files


async def test_a_thread_that_outlives_its_engine_ends_with_its_call() -> None:
    release = threading.Event()

    @wfcore.handler
    def hangs() -> None:
        release.wait(60)

    engine = Engine(handlers=[hangs], drain_seconds=0.0)
    async with engine:
        execution = await engine.submit(workflow(node("a", "hangs")))
        await engine.trigger(execution)
        await eventually(lambda: len(_own_threads("wf-handler")) == 1, "the handler runs")
    assert len(_own_threads("wf-handler")) == 1

    release.set()

    await eventually(lambda: _own_threads() == [], "the thread ends with its call", 5.0)


def test_a_failed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    files = _files()

    with pytest.raises(ExecutionFailed):
        wfcore.run(workflow(node("a", "boom")), handlers=[boom], store=f"sqlite:///{tmp_path}/w.db")

    assert _own_threads() == []
    assert _files() == files


async def test_closing_twice_does_nothing_more(tmp_path: Path) -> None:
    engine = Engine(f"sqlite:///{tmp_path}/wf.db", handlers=[noop])
    async with engine:
        await engine.run(chain(2))
    await engine.close()


async def test_closing_does_not_wait_for_what_it_abandoned() -> None:
    release = asyncio.Event()

    @wfcore.handler
    async def swallows() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    loop = asyncio.get_running_loop()
    async with Engine(handlers=[swallows], drain_seconds=30.0) as engine:
        document = workflow(node("a", "swallows", timeout=0.05, retry={"max_attempts": 1}))
        with pytest.raises(ExecutionFailed):
            await engine.run(document)
        closing = loop.time()
    assert loop.time() - closing < 15
    release.set()


def _own_threads(prefix: str = "wf-") -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(prefix)]
