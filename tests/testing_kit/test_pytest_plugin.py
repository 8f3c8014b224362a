"""What pytest gets from wfcore: fixtures by themselves, at the price of one small module."""

import json
import subprocess
import sys

import pytest

from tests.project.tree import ROOT, clean_environment
from wfcore.testing import FakeContext, HttpService, WorkflowRunner, run_handler

pytest_plugins = ["pytester"]

_FETCH = {
    "id": "fetch",
    "handler": "call_external_service",
    "retry": {"max_attempts": 3, "max_interval": 7200},
}


def fetching(url: str) -> dict[str, object]:
    return {"name": "fetching", "dag": {"nodes": [_FETCH | {"config": {"url": url}}]}}


def test_a_workflow_reaches_the_tests_own_service(
    wf_run: WorkflowRunner, wf_http: HttpService
) -> None:
    wf_http.reply("/posts", json=[{"id": 1}])
    run = wf_run(fetching(f"{wf_http.url}/posts"))
    assert run.outputs["fetch"]["data"] == [{"id": 1}]
    assert run.calls[0].config == {"url": f"{wf_http.url}/posts"}


def test_an_hour_that_a_service_asks_for_passes_at_once(
    wf_run: WorkflowRunner, wf_http: HttpService
) -> None:
    wf_http.reply("/busy", status=503, headers={"Retry-After": "3600"})
    wf_http.reply("/busy", json="at last")
    run = wf_run(fetching(f"{wf_http.url}/busy"))
    assert run.outputs["fetch"]["data"] == "at last"
    assert run.attempts == {"fetch": 2}
    assert 3600 <= run.seconds < 3660
    keys = {request.headers["idempotency-key"] for request in wf_http.requests}
    assert len(keys) == 1


def test_a_late_answer_meets_the_nodes_timeout(
    wf_run: WorkflowRunner, wf_http: HttpService
) -> None:
    wf_http.reply("/late", delay=30)
    document = fetching(f"{wf_http.url}/late")
    document["dag"]["nodes"][0] |= {"timeout": 0.2, "retry": {"max_attempts": 1}}  # type: ignore[index]
    assert wf_run(document).errors["fetch"]["type"] == "Timeout"


def test_without_the_service_nothing_of_this_machine_is_reached(wf_run: WorkflowRunner) -> None:
    with HttpService() as other:
        run = wf_run(fetching(f"{other.url}/a"))
    assert run.errors["fetch"]["type"] == "OutboundRefused"


async def test_a_context_reaches_the_service_too(
    wf_context: FakeContext, wf_http: HttpService
) -> None:
    import wfplugins_builtin.http

    wf_http.reply("/a", json=1)
    handler = wfplugins_builtin.http.CallExternalService
    output = await run_handler(handler, {"url": f"{wf_http.url}/a"}, wf_context)
    assert output["data"] == 1


def test_pytest_finds_the_fixtures_by_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_them(wf_run, wf_context, wf_http):
            wf_context.notice("here")
            assert wf_context.notices == ["here"]
            assert wf_http.url.startswith("http://127.0.0.1:")
            run = wf_run({"name": "a", "dag": {"nodes": [{"id": "a", "handler": "x"}]}},
                         stubs={"a": {"b": 1}})
            assert run.outputs == {"a": {"b": 1}}
        """
    )
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=1)


def test_pytest_lists_them_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "-p", "no:asyncio")
    for name in ("wf_run", "wf_context", "wf_http"):
        result.stdout.fnmatch_lines([f"{name}*"])


def test_the_plugin_costs_a_run_that_does_not_use_it_nothing() -> None:
    """Loaded into every run of pytest beside wfcore, it brings nothing but pytest's own modules."""
    loaded = _modules_after("import wfcore.testing.pytest_plugin") - _modules_after("import pytest")
    assert loaded == {"wfcore", "wfcore.testing", "wfcore.testing.pytest_plugin"}


def test_wfcore_itself_knows_nothing_of_the_kit() -> None:
    loaded = _modules_after("from wfcore import *")
    assert not {name for name in loaded if name.startswith(("wfcore.testing", "pytest", "_pytest"))}


def _modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys, json\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))
