"""The test kit for authors of plugins and of stores: `docs/testing.md`.

pytest finds its fixtures by itself where wfcore is installed with the extra `[testing]`. Names are
loaded when they are first used: this package is imported by every run of pytest beside wfcore.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wfcore.testing.cast import Call
    from wfcore.testing.conformance.backend import Place
    from wfcore.testing.conformance.bus_contract import BusContract
    from wfcore.testing.conformance.store_contract import StoreContract
    from wfcore.testing.context import FakeContext
    from wfcore.testing.engine import EngineOptions
    from wfcore.testing.handler_contract import HandlerContract
    from wfcore.testing.handler_run import run_handler
    from wfcore.testing.http_service import HttpRequest, HttpService
    from wfcore.testing.pytest_plugin import WorkflowRunner
    from wfcore.testing.stub import Stub
    from wfcore.testing.workflow_run import WorkflowRun, run_workflow

__all__ = [
    "BusContract",
    "Call",
    "EngineOptions",
    "FakeContext",
    "HandlerContract",
    "HttpRequest",
    "HttpService",
    "Place",
    "StoreContract",
    "Stub",
    "WorkflowRun",
    "WorkflowRunner",
    "run_handler",
    "run_workflow",
]

_HOME_OF: Final = {
    "BusContract": "wfcore.testing.conformance.bus_contract",
    "Call": "wfcore.testing.cast",
    "EngineOptions": "wfcore.testing.engine",
    "FakeContext": "wfcore.testing.context",
    "HandlerContract": "wfcore.testing.handler_contract",
    "HttpRequest": "wfcore.testing.http_service",
    "HttpService": "wfcore.testing.http_service",
    "Place": "wfcore.testing.conformance.backend",
    "StoreContract": "wfcore.testing.conformance.store_contract",
    "Stub": "wfcore.testing.stub",
    "WorkflowRun": "wfcore.testing.workflow_run",
    "WorkflowRunner": "wfcore.testing.pytest_plugin",
    "run_handler": "wfcore.testing.handler_run",
    "run_workflow": "wfcore.testing.workflow_run",
}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
