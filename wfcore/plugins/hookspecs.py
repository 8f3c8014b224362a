"""Every hook that a plugin can implement. `docs/plugins.md` shows each with an example.

A plugin is a module (or any object) with functions of these names under `@hookimpl`. Each is
called once, when an engine loads its plugins. A hook that raises, or returns something else than
its annotation says, makes its plugin broken: nothing of that plugin is registered, it is reported
with its traceback, and everything else goes on.

`settings` is an instance of the model that the plugin's `wfcore_register_settings` returned, None
without one. An implementation leaves the parameter away where it does not need it.

What a plugin registers by name (handlers, template words and engines, providers, schemes) no other
may register too: that is an error for the whole engine, which names both.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import pluggy
from pydantic import BaseModel

from wfcore.bus.contract import TaskBus
from wfcore.bus.events import EventSink
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import HandlerLike
from wfcore.plugins.llm import LlmProvider
from wfcore.problems import Problem
from wfcore.secrets.source import SecretSource
from wfcore.store.contract import StateStore
from wfcore.templating import TemplateEngine
from wfcore.workflow.document import Workflow

__all__ = [
    "PROJECT",
    "BusFactory",
    "CallNext",
    "Middleware",
    "StoreFactory",
    "Templaters",
    "Validator",
    "hookimpl",
    "hookspec",
]

PROJECT: Final = "wfcore"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook that it is named after."""

Validator: TypeAlias = Callable[[Workflow], Iterable[Problem]]
"""Given a workflow whose own checks passed: what else is wrong with it. Pure, and quick."""

CallNext: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
"""Runs the next middleware, in the end the handler; returns the node's output, a JSON object."""

Middleware: TypeAlias = Callable[[NodeContext, CallNext], Awaitable[Any]]
"""`async def` around each run of a handler: returns the output, or raises as a handler may."""

StoreFactory: TypeAlias = Callable[[str], StateStore]
"""From a URL to a store that is not yet open; raises `StoreError`."""

BusFactory: TypeAlias = Callable[[str], TaskBus]
"""From a URL to a bus that is not yet open; raises `StoreError`."""


@dataclass(frozen=True, slots=True)
class Templaters:
    """What a plugin adds to templates, by name. Functions get JSON values and return them."""

    filters: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    tests: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    globals: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    engines: Mapping[str, TemplateEngine] = field(default_factory=lambda: MappingProxyType({}))
    """Whole engines, by the name that a document's `template_engine` says."""


@hookspec
def wfcore_register_settings() -> type[BaseModel]:
    """Return a pydantic model of the plugin's settings, whose fields are `APP_<PLUGIN>_<FIELD>`.

    Called before the plugin's other hooks, which get the instance. Values that do not fit break
    the plugin; the error names each variable.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_handlers(settings: Any) -> Iterable[HandlerLike]:
    """Return the plugin's handlers: classes, instances, or functions under `@handler`.

    A handler that fails later, when a node runs it, fails that attempt only.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_validators(settings: Any) -> Iterable[Validator]:
    """Return functions that find problems in workflows, beside the engine's own checks.

    Called at submit. One that raises is itself a problem of the document: it is refused.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_templaters(settings: Any) -> Templaters:
    """Return filters, tests and globals for templates, and whole template engines.

    One that raises while a template is rendered fails that node with a `TemplateError`.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_llm_providers(settings: Any) -> Mapping[str, LlmProvider]:
    """Return providers of language models, by the name that stands before the `:` of a model.

    They go before the vendors that come with `call_llm_service`. What one raises fails the node's
    attempt, as a handler's errors do.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_secret_sources(settings: Any) -> Iterable[SecretSource]:
    """Return sources that are asked, in order, for secrets that the operator's own do not have.

    Asked in threads, at each attempt that names a secret. One that raises fails that attempt, which
    is tried again.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_event_sinks(settings: Any) -> Iterable[EventSink]:
    """Return sinks that are told what happens to executions, as CloudEvents.

    Told by one process at a time, in the order of each execution. One that raises, or takes longer
    than 10 seconds, is told the same again, twice; then those events are given up, counted and
    logged, and it gets one try of a second until it takes something again.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_stores(settings: Any) -> Mapping[str, StoreFactory]:
    """Return stores by the scheme of their URL: `{"acme": AcmeStore}` opens `acme://...`.

    The engine's own schemes cannot be taken. A factory that raises keeps the engine from being
    made.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_buses(settings: Any) -> Mapping[str, BusFactory]:
    """Return buses by the scheme of their URL.

    The engine's own schemes cannot be taken. A factory that raises keeps the engine from being
    made.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_middlewares(settings: Any) -> Iterable[Middleware]:
    """Return `async` functions around each run of a handler: metrics, tracing, policy, pace.

    The first that is registered is the outermost. They are called where a handler would be: not for
    nodes that are skipped. What one raises fails the attempt as if the handler had raised it; the
    node's timeout counts for all of them.
    """
    raise NotImplementedError
