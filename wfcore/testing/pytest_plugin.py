"""What pytest loads wherever wfcore is installed: fixtures, whose parts are imported when used.

A run that uses none of them pays for this file alone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wfcore.engine.plans import Document
    from wfcore.testing.context import FakeContext
    from wfcore.testing.http_service import HttpService
    from wfcore.testing.workflow_run import WorkflowRun

__all__ = ["WorkflowRunner", "wf_context", "wf_http", "wf_run"]

# What these assert is what their users read; pytest shows the values in it.
pytest.register_assert_rewrite("wfcore.testing.handler_contract", "wfcore.testing.conformance")


class WorkflowRunner:
    """`wfcore.testing.run_workflow`, which may reach the test's own HTTP service."""

    def __init__(self, outbound_allow: list[str]) -> None:
        self._outbound_allow = outbound_allow

    def __call__(self, document: "Document", *given: Any, **options: Any) -> "WorkflowRun":
        """Run a workflow; arguments and result are those of `run_workflow`."""
        from wfcore.testing.workflow_run import run_workflow  # noqa: PLC0415

        allowed = [*self._outbound_allow, *options.pop("outbound_allow", ())]
        return run_workflow(document, *given, outbound_allow=allowed, **options)


@pytest.fixture
def wf_http() -> Iterator["HttpService"]:
    """Give a real HTTP service on the loopback interface, with the replies that the test sets."""
    from wfcore.testing.http_service import HttpService  # noqa: PLC0415

    with HttpService() as service:
        yield service


@pytest.fixture
def wf_context(request: pytest.FixtureRequest) -> "FakeContext":
    """Give a context for one handler; beside `wf_http`, its HTTP client reaches that service."""
    from wfcore.testing.context import FakeContext  # noqa: PLC0415

    return FakeContext(outbound_allow=_reachable(request))


@pytest.fixture
def wf_run(request: pytest.FixtureRequest) -> WorkflowRunner:
    """Give `run_workflow`; beside `wf_http`, workflows reach that service."""
    return WorkflowRunner(_reachable(request))


def _reachable(request: pytest.FixtureRequest) -> list[str]:
    if "wf_http" not in request.fixturenames:
        return []
    service: HttpService = request.getfixturevalue("wf_http")
    return service.outbound_allow
