"""wfcore: workflows as JSON documents, abilities as plugins, durable at every scale.

Names are loaded when they are first used, so that `import wfcore` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wfcore.bus.events import EventSink
    from wfcore.engine.counters import Counters
    from wfcore.engine.engine import Engine
    from wfcore.engine.retry import RetryDefaults
    from wfcore.engine.sync import run
    from wfcore.engine.views import Result
    from wfcore.engine.watch import Message
    from wfcore.errors import (
        Conflict,
        Deferred,
        DocumentRefused,
        EngineNotOpen,
        ErrorRecord,
        ExecutionFailed,
        ExecutionNotFound,
        NodeError,
        NodeNotFound,
        PluginError,
        StoreError,
        StoreOwned,
        StoreTooNew,
        WfError,
    )
    from wfcore.isolation.levels import Isolation
    from wfcore.plugins.api import PLUGIN_API
    from wfcore.plugins.context import HttpClient, HttpResponse, NodeContext
    from wfcore.plugins.discovery import Discovery
    from wfcore.plugins.file import load_file
    from wfcore.plugins.function import handler
    from wfcore.plugins.handler import Handler, Raw, Secret
    from wfcore.plugins.hookspecs import (
        BusFactory,
        CallNext,
        Middleware,
        StoreFactory,
        Templaters,
        Validator,
        hookimpl,
    )
    from wfcore.plugins.llm import LlmAnswer, LlmProvider, LlmQuestion
    from wfcore.problems import Problem
    from wfcore.secrets.source import SecretSource, SecretValue
    from wfcore.store.contract import Event, Filter, Page
    from wfcore.templating.engine import EngineTemplate, TemplateEngine
    from wfcore.workflow.document import Workflow
    from wfcore.workflow.limits import Limits
    from wfcore.workflow.states import NodeState, Status
    from wfcore.workflow.user_schema import UserSchema

__all__ = [
    "PLUGIN_API",
    "BusFactory",
    "CallNext",
    "Conflict",
    "Counters",
    "Deferred",
    "Discovery",
    "DocumentRefused",
    "Engine",
    "EngineNotOpen",
    "EngineTemplate",
    "ErrorRecord",
    "Event",
    "EventSink",
    "ExecutionFailed",
    "ExecutionNotFound",
    "Filter",
    "Handler",
    "HttpClient",
    "HttpResponse",
    "Isolation",
    "Limits",
    "LlmAnswer",
    "LlmProvider",
    "LlmQuestion",
    "Message",
    "Middleware",
    "NodeContext",
    "NodeError",
    "NodeNotFound",
    "NodeState",
    "Page",
    "PluginError",
    "Problem",
    "Raw",
    "Result",
    "RetryDefaults",
    "Secret",
    "SecretSource",
    "SecretValue",
    "Status",
    "StoreError",
    "StoreFactory",
    "StoreOwned",
    "StoreTooNew",
    "TemplateEngine",
    "Templaters",
    "UserSchema",
    "Validator",
    "WfError",
    "Workflow",
    "handler",
    "hookimpl",
    "load_file",
    "run",
]

_HOMES: Final = {
    "wfcore.bus.events": ("EventSink",),
    "wfcore.engine.counters": ("Counters",),
    "wfcore.engine.engine": ("Engine",),
    "wfcore.engine.retry": ("RetryDefaults",),
    "wfcore.engine.sync": ("run",),
    "wfcore.engine.views": ("Result",),
    "wfcore.engine.watch": ("Message",),
    "wfcore.errors": (
        "Conflict",
        "Deferred",
        "DocumentRefused",
        "EngineNotOpen",
        "ErrorRecord",
        "ExecutionFailed",
        "ExecutionNotFound",
        "NodeError",
        "NodeNotFound",
        "PluginError",
        "StoreError",
        "StoreOwned",
        "StoreTooNew",
        "WfError",
    ),
    "wfcore.isolation.levels": ("Isolation",),
    "wfcore.plugins.api": ("PLUGIN_API",),
    "wfcore.plugins.context": ("HttpClient", "HttpResponse", "NodeContext"),
    "wfcore.plugins.discovery": ("Discovery",),
    "wfcore.plugins.file": ("load_file",),
    "wfcore.plugins.function": ("handler",),
    "wfcore.plugins.handler": ("Handler", "Raw", "Secret"),
    "wfcore.plugins.hookspecs": (
        "BusFactory",
        "CallNext",
        "Middleware",
        "StoreFactory",
        "Templaters",
        "Validator",
        "hookimpl",
    ),
    "wfcore.plugins.llm": ("LlmAnswer", "LlmProvider", "LlmQuestion"),
    "wfcore.problems": ("Problem",),
    "wfcore.secrets.source": ("SecretSource", "SecretValue"),
    "wfcore.store.contract": ("Event", "Filter", "Page"),
    "wfcore.templating.engine": ("EngineTemplate", "TemplateEngine"),
    "wfcore.workflow.document": ("Workflow",),
    "wfcore.workflow.limits": ("Limits",),
    "wfcore.workflow.states": ("NodeState", "Status"),
    "wfcore.workflow.user_schema": ("UserSchema",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
