"""Every hook that a plugin can implement. `docs/plugins.md` shows each with an example.

A plugin is a module (or any object) with functions of these names under `@hookimpl`. Each is
called once, when an engine loads its plugins. A hook that raises, or returns something else than
its annotation says, makes its plugin broken: nothing of that plugin is registered, it is reported
with its traceback, and everything else goes on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import pluggy

from wfcore.plugins.handler import HandlerLike
from wfcore.problems import Problem
from wfcore.workflow.document import Workflow

__all__ = ["PROJECT", "Templaters", "Validator", "hookimpl", "hookspec"]

PROJECT: Final = "wfcore"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook that it is named after."""

Validator: TypeAlias = Callable[[Workflow], Iterable[Problem]]
"""Given a workflow whose own checks passed: what else is wrong with it. Pure, and quick."""


@dataclass(frozen=True, slots=True)
class Templaters:
    """What a plugin adds to templates, by name. Functions get JSON values and return them."""

    filters: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    tests: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    globals: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@hookspec
def wfcore_register_handlers() -> Iterable[HandlerLike]:
    """Return the plugin's handlers: classes, instances, or functions under `@handler`.

    A name that another plugin registered too is an error for the whole engine, which names both:
    which one a document means must not depend on what else is installed.
    """
    raise NotImplementedError


@hookspec
def wfcore_register_validators() -> Iterable[Validator]:
    """Return functions that find problems in workflows, beside the engine's own checks."""
    raise NotImplementedError


@hookspec
def wfcore_register_templaters() -> Templaters:
    """Return filters, tests and globals for templates. Names clash like those of handlers."""
    raise NotImplementedError
