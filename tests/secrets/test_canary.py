"""Canaries: secrets are used in every way, and then looked for in all that is left behind."""

import asyncio
import gc
import json
import logging
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.project.tree import ROOT, clean_environment
from tests.secrets.canary import AWKWARD, ENVIRONMENT, PLAIN, leaks, leaks_in
from tests.secrets.echo import Echo
from tests.secrets.running import Json, engine
from tests.secrets.workflow import ENDS, PATHS, everything
from tests.server.serving import DEADLINE, serving

WF = Path(sys.executable).with_name("wf")
PLUGIN = Path(__file__).with_name("handlers.py")


def test_the_search_finds_what_is_not_masked(echo: Echo, tmp_path: Path) -> None:
    answer = httpx.post(echo.url("/json"), content=f"={AWKWARD}={PLAIN}")
    for name, told in answer.json().items():
        if name not in ("url", "decoded", "headers"):
            assert leaks(json.dumps(told)), name
    assert leaks(f"{PLAIN[:15]}...")
    (tmp_path / "file").write_bytes(b"\0\1" + PLAIN.encode())
    assert leaks_in(tmp_path)


async def _run(client: httpx.AsyncClient, workflow: Json) -> tuple[str, list[str]]:
    """Run a workflow through the API; return its id, and all that the API answered."""
    answers = [await client.post("/workflow", json=workflow)]
    execution = str(answers[0].json()["execution_id"])
    answers.append(await client.post(f"/workflow/trigger/{execution}"))
    async with asyncio.timeout(DEADLINE):
        while answers[-1].json()["status"] in ("PENDING", "RUNNING"):
            await asyncio.sleep(0.02)
            answers.append(await client.get(f"/workflows/{execution}"))
    answers.append(await client.get(f"/workflows/{execution}/results"))
    return execution, [f"{answer.headers} {answer.text}" for answer in answers]


async def test_an_engine_and_its_api_leave_no_secret_behind(
    echo: Echo, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with engine(store=f"sqlite:///{tmp_path}/wf.db") as opened, serving(opened) as client:
        execution, answers = await _run(client, everything(echo))
        result = await opened.wait(execution)
        events = [each async for each in opened.events(execution)]
        view = await opened.execution(execution)
        gc.collect()
        await asyncio.sleep(0)
        while_open = leaks_in(tmp_path)
        assert any(path.name.endswith("-wal") for path in tmp_path.iterdir())
    assert leaks("\n".join(echo.heard))
    _check_that_all_was_tried(view, echo)
    assert while_open == {}
    assert leaks_in(tmp_path) == {}
    for artefact in (*answers, repr(result), repr(events), repr(view), caplog.text):
        assert "***" in artefact or artefact in answers
        assert leaks(artefact) == []
    for record in caplog.records:
        assert leaks(repr(vars(record))) == [], record.name
    assert {"careless.library", "careless.thread", "asyncio", "httpcore.http11"} <= {
        record.name for record in caplog.records
    }
    assert leaks("".join(capfd.readouterr())) == []


def _check_that_all_was_tried(view: Json, echo: Echo) -> None:
    nodes = view["nodes"]
    assert nodes["told"]["state"] == "COMPLETED"
    types = {name: each["error"]["type"] for name, each in nodes.items() if "error" in each}
    assert {types[f"plain{ENDS.index(how)}"] for how in ("exception", "cut error", "no json")} == {
        "RuntimeError",
        "Cut",
        "InvalidOutput",
    }
    for name in ("get", "post", "form"):
        assert [types.get(f"{name}{at}") for at in range(len(PATHS))] == [
            None,
            None,
            "HttpStatus",
            None,
            None,
            "HttpStatus",
            "SecretHost",
            "InvalidUrl",
            "ConnectionFailed",
            "InvalidJson",
        ]
    assert types["wrong"] == "InvalidConfig"
    assert nodes["get0"]["output"]["data"]["sent"].count("***") >= 4
    assert nodes["get0"]["output"]["data"]["quoted as a form"].count("***") >= 4
    assert echo.counts["/flaky"] > 3


async def test_transient_messages_and_progress_hold_no_secret(echo: Echo) -> None:
    async with engine() as opened:
        execution = await opened.submit(everything(echo))
        heard: list[Any] = []

        async def listen() -> None:
            async for each in opened.events(execution, transient=True):
                heard.append(each)
                heard.append(opened.progress(execution))

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await opened.trigger(execution)
        result = await opened.wait(execution, timeout=DEADLINE)
        await asyncio.wait_for(listening, DEADLINE)
    assert "kind <***>" in repr(heard)
    assert "half with <***>" in repr(heard)
    assert result.usage.keys() == {"calls with <***>"}
    assert leaks(repr(heard)) == []


def _wf(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    settings = {"APP_LOG_LEVEL": "DEBUG", "APP_OUTBOUND_ALLOW": "127.0.0.1,localhost"}
    retries = {"APP_MAX_RETRIES": "1", "APP_BASE_BACKOFF": "0", "APP_RETRY_DELAY": "0"}
    return subprocess.Popen(
        [WF, *arguments, "--plugin", str(PLUGIN)],
        cwd=folder,
        env={
            **clean_environment(),
            **settings,
            **retries,
            **ENVIRONMENT,
            "PYTHONASYNCIODEBUG": "1",
            "PYTHONPATH": str(ROOT),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("output", ["text", "json"])
def test_wf_run_leaves_no_secret_behind(echo: Echo, tmp_path: Path, output: str) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(everything(echo)))
    with _wf(tmp_path, "run", "flow.json", "--output", output) as process:
        out, err = process.communicate(timeout=DEADLINE * 2)
    assert process.returncode == 1, err[-2000:]
    assert "***" in out
    assert "a library with <***>" in err
    assert leaks("\n".join(echo.heard))
    assert leaks(out) == []
    assert leaks(err) == []
    assert list(tmp_path.rglob("*.db"))
    assert leaks_in(tmp_path) == {}


def test_wf_dev_leaves_no_secret_behind(echo: Echo, tmp_path: Path) -> None:
    with _wf(tmp_path, "dev", "--port", "0") as process:
        try:
            assert process.stderr is not None
            said = ""
            while not (address := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = process.stderr.readline()
                assert line, said
                said += line
            # What it says from now on has to be read, or it would wait for that.
            with ThreadPoolExecutor(1) as pool:
                rest = pool.submit(process.communicate, timeout=DEADLINE * 2)
                try:
                    answers = asyncio.run(_ask(address[0], everything(echo)))
                finally:
                    process.send_signal(signal.SIGINT)
                out, err = rest.result()
        finally:
            process.kill()
    assert "a library with <***>" in err
    assert leaks("\n".join(echo.heard))
    for artefact in (*answers, out, said + err):
        assert leaks(artefact) == []
    assert leaks_in(tmp_path) == {}


async def _ask(address: str, workflow: Json) -> list[str]:
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE) as client:
        deadline = time.monotonic() + DEADLINE
        while (await client.get("/readyz")).status_code != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        _, answers = await _run(client, workflow)
    return answers


@pytest.mark.parametrize("missing", ["PLAIN", "AWKWARD"])
def test_wf_run_refuses_a_workflow_whose_secret_is_not_set(
    echo: Echo, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ENVIRONMENT, f"APP_SECRET_{missing}")
    (tmp_path / "flow.json").write_text(json.dumps(everything(echo)))
    with _wf(tmp_path, "run", "flow.json") as process:
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 3
    assert f"APP_SECRET_{missing}" in err
    assert echo.heard == []
    with _wf(tmp_path, "validate", "flow.json") as process:
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err
