"""`/metrics`: what is told, to whom, and that the page of operators has all of it."""

import re
import sys

import pytest

from tests.project.tree import ROOT
from tests.server.serving import Json, ended, problems, serving, submitted
from wfcore import Engine, RetryDefaults, handler

FLOW: Json = {
    "name": "Flow",
    "dag": {
        "nodes": [
            {"id": "a", "handler": "calm"},
            {"id": "b", "handler": "broken", "dependencies": ["a"]},
            {"id": "c", "handler": "calm", "dependencies": ["b"]},
        ]
    },
}


@handler
async def calm() -> str:
    return "done"


@handler
async def broken() -> str:
    raise ValueError("no")


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def section() -> str:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return page.partition("\n## Metrics\n")[2].partition("\n## ")[0]


async def test_what_ran_is_counted_by_state_source_and_handler() -> None:
    once = RetryDefaults(max_retries=0)
    async with (
        Engine(handlers=[calm, broken], retry=once) as engine,
        serving(engine) as client,
    ):
        before = samples((await client.get("/metrics")).text)
        execution = await submitted(client, FLOW)
        assert (await client.post(f"/workflow/trigger/{execution}", json={})).status_code == 200
        await ended(client, execution)
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = samples(answer.text)
    assert before["wf_completed_total"] == before["wf_failed_total"] == 0
    assert told["wf_completed_total"] == 1
    assert told["wf_failed_total"] == 1
    assert told["wf_skipped_total"] == 1
    assert told['wf_run_seconds_bucket{handler="broken",le="+Inf"}'] == 1
    leases = {name: value for name, value in told.items() if name.startswith("wf_leases_total")}
    assert set(leases) == {
        f'wf_leases_total{{source="{source}"}}' for source in ("kept", "bus", "store", "sweep")
    }
    assert sum(leases.values()) == 3


async def test_engines_of_one_process_count_for_themselves() -> None:
    async with Engine(handlers=[calm, broken]) as busy, Engine() as idle:
        async with serving(busy) as client:
            execution = await submitted(client, FLOW)
            await client.post(f"/workflow/trigger/{execution}", json={})
            await ended(client, execution)
            assert samples((await client.get("/metrics")).text)["wf_completed_total"] == 1
        async with serving(idle) as client:
            assert samples((await client.get("/metrics")).text)["wf_completed_total"] == 0


async def test_metrics_want_a_key_like_other_routes(engine: Engine) -> None:
    async with serving(engine, api_keys=("first-key",)) as client:
        refused = await client.get("/metrics")
        assert refused.status_code == 401
        assert "wf_" not in refused.text
        given = await client.get("/metrics", headers={"Authorization": "Bearer first-key"})
    assert given.status_code == 200
    assert "wf_completed_total" in given.text


async def test_without_the_library_of_metrics_its_extra_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "prometheus_client"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "wfcore.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    async with serving(engine) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 501
    assert problems(answer) == [("server.missing", "")]
    assert "wfcore[metrics]" in answer.json()["problems"][0]["hint"]


async def test_the_page_of_operators_names_each_metric_and_no_other(redis_url: str) -> None:
    async with Engine(redis_url, bus=redis_url) as engine, serving(engine) as client:
        text = (await client.get("/metrics")).text
    told = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    rows = "\n".join(line for line in section().splitlines() if line.startswith("| "))
    assert set(re.findall(r"\bwf_[a-z_]+", rows)) == told
    assert len(told) > 10


async def test_the_alerts_ask_for_metrics_that_are_told(redis_url: str) -> None:
    async with Engine(redis_url, bus=redis_url) as engine, serving(engine) as client:
        text = (await client.get("/metrics")).text
    told = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    asked = re.findall(r"expr: (.*)", section())
    names = {name.removesuffix("_bucket") for each in asked for name in re.findall(r"wf_\w+", each)}
    assert len(asked) == 5
    assert names <= told
