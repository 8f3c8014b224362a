"""Loading plugins: one at a time, so that a broken one breaks nothing but itself."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any

from wfcore.errors import PluginError
from wfcore.plugins.advertised import advertised_handlers
from wfcore.plugins.contribution import Contribution, HookTable, admit_all
from wfcore.plugins.discovery import Installed, find_installed
from wfcore.plugins.failure import failure_line, failure_traceback
from wfcore.plugins.file import FILE_PLUGIN
from wfcore.plugins.handler import Handler, HandlerLike
from wfcore.plugins.hookspecs import Templaters, Validator
from wfcore.plugins.registry import PluginReport, Registry

__all__ = ["load_plugins"]

_ENGINE = "the handlers given to the engine"


def load_plugins(
    *,
    plugins: Iterable[object] = (),
    handlers: Iterable[HandlerLike] = (),
    discover: bool = True,
) -> Registry:
    """Load the installed plugins (unless `discover` is False), then those given, then `handlers`.

    An installed plugin that fails is reported as broken and left out whole. What the caller gave
    is meant to work: its failure is raised. An object that was loaded already is not loaded twice.

    Raises:
        PluginError: a plugin or a handler that was given fails; or two plugins, installed or not,
            register the same name: the message names both.

    """
    loading = _Loading()
    if discover:
        for installed in find_installed():
            loading.load_installed(installed)
    for plugin in plugins:
        loading.load_given(plugin)
    candidates = tuple(handlers)
    given = _given(candidates)
    loading.add(_ENGINE, Contribution(handlers=given))
    loading.note_sources(dict(zip(given, candidates, strict=True)))
    return loading.registry()


def _given(handlers: Iterable[HandlerLike]) -> dict[str, Handler]:
    try:
        return admit_all(handlers)
    except PluginError as error:
        raise PluginError(f"{_ENGINE}: {error}") from error


class _Loading:
    """Everything loaded so far."""

    def __init__(self) -> None:
        self._hooks = HookTable()
        self._handlers: dict[str, Handler] = {}
        self._validators: list[Validator] = []
        self._templaters: dict[str, dict[str, Any]] = {part.name: {} for part in fields(Templaters)}
        self._owners: dict[tuple[str, str], str] = {}
        self._clashes: list[str] = []
        self._reports: list[PluginReport] = []
        self._sources: dict[str, object] = {}

    def load_installed(self, installed: Installed) -> None:
        started = perf_counter()
        try:
            contribution = self._imported(installed)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - law 12: also SystemExit, and what Rust panics raise
            self._reports.append(_broken(installed, perf_counter() - started, error))
            return
        if contribution is None:
            return
        report = PluginReport(
            name=installed.name,
            module=installed.module,
            status="loaded",
            seconds=perf_counter() - started,
            distribution=installed.distribution,
            version=installed.version,
            hooks=contribution.hooks,
            handlers=tuple(sorted(contribution.handlers)),
        )
        self._accept(report, contribution, installed.entry_point)

    def load_given(self, plugin: object) -> None:
        if self._hooks.knows(plugin):
            return
        name, module = _identity(plugin)
        started = perf_counter()
        try:
            contribution = self._hooks.collect(plugin)
        except Exception as error:
            raise PluginError(f"plugin {name!r} fails: {_reason(error)}") from error
        report = PluginReport(
            name=name,
            module=module,
            status="loaded",
            seconds=perf_counter() - started,
            hooks=contribution.hooks,
            handlers=tuple(sorted(contribution.handlers)),
        )
        self._accept(report, contribution, plugin)

    def add(self, owner: str, contribution: Contribution) -> None:
        self._merge("handler", self._handlers, contribution.handlers, owner)
        for part, names in self._templaters.items():
            # filters -> template filter
            self._merge(
                f"template {part[:-1]}", names, getattr(contribution.templaters, part), owner
            )
        self._validators += contribution.validators

    def note_sources(self, sources: Mapping[str, object]) -> None:
        """Remember what registered handlers; of one that comes twice, the first counts."""
        self._sources = {**sources, **self._sources}

    def registry(self) -> Registry:
        if self._clashes:
            raise PluginError("\n".join(self._clashes))
        return Registry(
            handlers=MappingProxyType(self._handlers),
            validators=tuple(self._validators),
            templaters=Templaters(
                **{part: MappingProxyType(names) for part, names in self._templaters.items()}
            ),
            reports=tuple(self._reports),
            sources=MappingProxyType(self._sources),
        )

    def _imported(self, installed: Installed) -> Contribution | None:
        if installed.entry_point is None:
            raise PluginError("its metadata cannot be read") from installed.fault
        plugin = installed.entry_point.load()
        return None if self._hooks.knows(plugin) else self._hooks.collect(plugin)

    def _accept(self, report: PluginReport, contribution: Contribution, source: object) -> None:
        self._reports.append(report)
        self.add(report.origin, contribution)
        self.note_sources(dict.fromkeys(contribution.handlers, source))

    def _merge(self, kind: str, into: dict[str, Any], names: Any, owner: str) -> None:
        for name, value in names.items():
            other = self._owners.setdefault((kind, name), owner)
            if into.setdefault(name, value) is not value:
                self._clashes.append(
                    f"{kind} {name!r} is registered twice: by {other}, and by {owner};"
                    " use only one of them"
                )


def _broken(installed: Installed, seconds: float, error: BaseException) -> PluginReport:
    return PluginReport(
        name=installed.name,
        module=installed.module,
        status="broken",
        seconds=seconds,
        distribution=installed.distribution,
        version=installed.version,
        handlers=advertised_handlers(installed.name, installed.module),
        error=_reason(error),
        traceback=failure_traceback(error),
    )


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, PluginError) else failure_line(error)


def _identity(plugin: object) -> tuple[str, str]:
    """Return the name and the place of a plugin that was given: its module, file or class."""
    if inspect.ismodule(plugin):
        if plugin.__name__.startswith(FILE_PLUGIN) and plugin.__file__ is not None:
            return Path(plugin.__file__).name, plugin.__file__
        return plugin.__name__, plugin.__name__
    kind: Callable[..., Any] = plugin if inspect.isclass(plugin) else type(plugin)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name, name
