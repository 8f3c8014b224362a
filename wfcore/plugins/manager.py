"""Loading plugins: one at a time, so that a broken one breaks nothing but itself."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from wfcore.errors import PluginError
from wfcore.plugins.advertised import advertised_handlers, advertised_in
from wfcore.plugins.capture import captured_output
from wfcore.plugins.collection import Collection, Owner
from wfcore.plugins.contribution import Contribution, HookTable, admit_all
from wfcore.plugins.discovery import Discovery, Installed, find_installed
from wfcore.plugins.failure import failure_line, failure_traceback
from wfcore.plugins.file import FILE_PLUGIN, load_file, plugin_files
from wfcore.plugins.handler import Handler, HandlerLike
from wfcore.plugins.registry import PluginReport, Registry, Source
from wfcore.plugins.settings import settings_prefix
from wfcore.secrets.redactor import Redactor

__all__ = ["load_plugin", "load_plugins", "survey_plugins"]

_ENGINE: Final = "the handlers given to the engine"
_MOST_SAID: Final = 2_000
_LEAST_MASKED: Final = 6


def load_plugins(
    *,
    plugins: Iterable[object] = (),
    handlers: Iterable[HandlerLike] = (),
    discover: bool | Discovery = True,
    settings: Mapping[str, str] | None = None,
) -> Registry:
    """Load what `discover` says (all that is installed, or nothing), then `plugins` and `handlers`.

    `settings` are those for plugins' settings models, beside the ones of a `Discovery`.

    A plugin that was found and fails is reported as broken and left out whole. What the caller gave
    is meant to work: its failure is raised. An object that was loaded already is not loaded twice.

    Raises:
        PluginError: a plugin or a handler that was given fails, or with a strict discovery one that
            was found; or two plugins register the same name: the message names both.

    """
    return _loaded(plugins, handlers, discover, settings).registry()


def survey_plugins(
    *, plugins: Iterable[object] = (), discover: bool | Discovery = True
) -> tuple[tuple[PluginReport, ...], tuple[str, ...]]:
    """Load the same, and return the reports of all, and what keeps an engine from having them.

    Where `load_plugins` raises because names clash or a strict discovery found a broken plugin,
    this one still tells of everything; what the caller gave has to work here too.
    """
    loading = _loaded(plugins, (), discover, None)
    return loading.reports, loading.clashes


def _loaded(
    plugins: Iterable[object],
    handlers: Iterable[HandlerLike],
    discover: bool | Discovery,
    settings: Mapping[str, str] | None,
) -> "_Loading":
    wanted = discover if isinstance(discover, Discovery) else Discovery()
    loading = _Loading(wanted, {**wanted.settings, **(settings or {})})
    if discover:
        for installed in find_installed():
            loading.load_installed(installed)
    for folder in wanted.folders:
        for path in plugin_files(folder):
            loading.load_found(path)
    for plugin in plugins:
        loading.load_given(plugin)
    candidates = tuple(handlers)
    given = _given(candidates)
    loading.add(Owner(_ENGINE), Contribution(handlers=given))
    for name, candidate in zip(given, candidates, strict=True):
        loading.note_source([name], Source(candidate, ""))
    return loading


def load_plugin(plugin: object, name: str, settings: Mapping[str, str]) -> Registry:
    """Load one plugin and nothing else; its settings are called after `name`.

    Raises `PluginError` where it fails.
    """
    loading = _Loading(Discovery(), settings)
    loading.load_given(plugin, name)
    return loading.registry()


def _given(handlers: Iterable[HandlerLike]) -> dict[str, Handler]:
    try:
        return admit_all(handlers)
    except PluginError as error:
        raise PluginError(f"{_ENGINE}: {error}") from error


class _Loading:
    """Everything loaded so far."""

    def __init__(self, discovery: Discovery, settings: Mapping[str, str]) -> None:
        self._discovery = discovery
        self._settings = settings
        self._hooks = HookTable()
        self._collection = Collection()
        self._reports: list[PluginReport] = []
        self._sources: dict[str, Source] = {}
        self._places: set[str] = set()

    def load_installed(self, installed: Installed) -> None:
        blank = PluginReport(
            name=installed.name,
            module=installed.module,
            status="blocked",
            seconds=0.0,
            distribution=installed.distribution,
            version=installed.version,
        )

        def advertised() -> tuple[str, ...]:
            return advertised_handlers(installed.name, installed.module)

        refusal = self._discovery.refusal(installed)
        if refusal is not None:
            self._reports.append(replace(blank, handlers=advertised(), error=refusal))
            return
        self._load(blank, lambda: _entry_point(installed), advertised, installed.entry_point)

    def load_found(self, path: Path) -> None:
        """Load a file of a plugin folder, once, however many folders have it."""
        place = os.path.realpath(path)
        if place in self._places:
            return
        self._places.add(place)
        blank = PluginReport(path.stem, str(path), "blocked", 0.0)
        self._load(blank, lambda: load_file(path), lambda: advertised_in(path))

    def load_given(self, plugin: object, called: str | None = None) -> None:
        if self._hooks.knows(plugin):
            return
        name, module, short = _identity(plugin)
        source = Source(plugin, called or short)
        started = perf_counter()
        try:
            contribution = self._hooks.collect(plugin, source.plugin, self._settings)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may end in SystemExit; the program does not
            reason = self._masking(source.plugin)(_reason(error))[:_MOST_SAID]
            raise PluginError(f"plugin {name!r} fails: {reason}") from error
        blank = PluginReport(name, module, "loaded", perf_counter() - started)
        self._accept(blank, contribution, source)

    def _load(
        self,
        blank: PluginReport,
        load: Callable[[], object],
        advertised: Callable[[], tuple[str, ...]],
        source: object = None,
    ) -> None:
        """Load what was found; where it fails, nothing of it counts."""
        started = perf_counter()
        masked = self._masking(blank.name)
        with captured_output() as printed:
            try:
                plugin = load()
                if self._hooks.knows(plugin):
                    return
                contribution = self._hooks.collect(plugin, blank.name, self._settings)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - law 12: also SystemExit, and what Rust panics raise
                broken = replace(
                    blank,
                    status="broken",
                    seconds=perf_counter() - started,
                    handlers=advertised(),
                    error=masked(_reason(error))[:_MOST_SAID],
                    traceback=masked(failure_traceback(error)),
                    printed=_maybe(masked, printed()),
                )
                self._reports.append(broken)
                return
        seconds = perf_counter() - started
        loaded = replace(blank, seconds=seconds, printed=_maybe(masked, printed()))
        self._accept(loaded, contribution, Source(source or plugin, blank.name))

    def _masking(self, plugin: str) -> Callable[[str], str]:
        """Return what masks a plugin's settings: its errors and prints are shown to everybody."""
        prefix = settings_prefix(plugin)
        own = (value for name, value in self._settings.items() if name.startswith(prefix))
        redactor = Redactor(value for value in own if len(value) >= _LEAST_MASKED)
        return redactor.text

    def _accept(self, blank: PluginReport, contribution: Contribution, source: Source) -> None:
        """Take a plugin's parts."""
        report = replace(
            blank,
            status="loaded",
            api=contribution.api,
            hooks=contribution.hooks,
            handlers=tuple(sorted(contribution.handlers)),
            settings=contribution.shown_settings,
        )
        self._reports.append(report)
        self.add(Owner(report.origin, report.distribution, report.name), contribution)
        settings = tuple(each.name for each in contribution.shown_settings)
        self.note_source(contribution.handlers, source._replace(settings=settings))

    def add(self, owner: Owner, contribution: Contribution) -> None:
        self._collection.add(owner, contribution)

    def note_source(self, handlers: Iterable[str], source: Source) -> None:
        """Remember what registered handlers; of one that comes twice, the first counts."""
        for name in handlers:
            self._sources.setdefault(name, source)

    @property
    def reports(self) -> tuple[PluginReport, ...]:
        return tuple(self._reports)

    @property
    def clashes(self) -> tuple[str, ...]:
        return self._collection.clashes

    def registry(self) -> Registry:
        if self._discovery.strict:
            broken = [report for report in self._reports if report.status == "broken"]
            if broken:
                said = "\n".join(f"{report.origin} is broken: {report.error}" for report in broken)
                raise PluginError(f"{said}\n(APP_PLUGINS_STRICT is set)")
        registry = self._collection.registry(self._reports)
        return replace(registry, sources=self._sources, variables=self._settings)


def _entry_point(installed: Installed) -> Any:
    if installed.entry_point is None:
        raise PluginError("its metadata cannot be read") from installed.fault
    return installed.entry_point.load()


def _maybe(change: Callable[[str], str], text: str | None) -> str | None:
    return change(text) if text is not None else None


def _reason(error: BaseException) -> str:
    # A plugin's own subclass may have a `__str__` that raises.
    said = str(error) if type(error) is PluginError else failure_line(error)
    # Enough to be clipped once it is masked.
    return said[: 2 * _MOST_SAID]


def _identity(plugin: object) -> tuple[str, str, str]:
    """Return the name, the place (module, file or class) and the short name of a plugin."""
    if inspect.ismodule(plugin):
        if plugin.__name__.startswith(FILE_PLUGIN) and plugin.__file__ is not None:
            file = Path(plugin.__file__)
            place = file.parent if file.name == "__init__.py" else file
            return place.name, str(place), place.stem
        return plugin.__name__, plugin.__name__, plugin.__name__.rpartition(".")[2]
    kind: Callable[..., Any] = plugin if inspect.isclass(plugin) else type(plugin)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name, name, kind.__name__
