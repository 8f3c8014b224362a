"""The page of operations tells every metric there is, and none that is not."""

import re

from tests.docs.reader import ROOT
from wfcore import Engine
from wfcore.metrics import Metrics

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


async def test_the_page_and_the_metrics_agree(redis_url: str) -> None:
    async with Engine(redis_url) as engine:
        text = (await Metrics(engine.vitals).text()).decode()
    told = set(re.findall(r"^# TYPE (wf_\w+) ", text, re.MULTILINE))
    described = {
        name.partition("{")[0]
        for name in re.findall(r"`(wf_[\w{},]+)`", PAGE.partition("Five alerts")[0])
    }
    assert told == described


def test_alerts_ask_for_metrics_that_are_described() -> None:
    tables, _, alerts = PAGE.partition("Five alerts")
    rules = re.findall(r"alert: (\w+)", alerts)
    assert len(rules) == 5
    for name in re.findall(r"\b(wf_\w+)", alerts):
        assert f"`{name.removesuffix('_bucket')}" in tables
