"""What is installed, as the API and `--output json` show it: handlers and plugins."""

import inspect
from typing import Any

from wfcore.plugins.config_schema import config_schema
from wfcore.plugins.handler import Handler, raw_keys, secret_keys
from wfcore.plugins.registry import PluginReport, Registry
from wfcore.plugins.schema import output_schema
from wfcore.problems import Problem, did_you_mean

__all__ = ["absent_handler", "handler_view", "plugin_view"]


def absent_handler(name: str, registry: Registry, otherwise: str | None = None) -> Problem:
    """Return why there is no such handler; `otherwise` is the hint where no name is near."""
    owner = registry.absent_owner(name)
    if owner is not None:
        said = f"the handler {name!r} is installed but {owner.status}: {owner.error}"
        return Problem(f"handler.{owner.status}", "", said, f"see {owner.origin}")
    hint = did_you_mean(name, registry.handlers) or otherwise
    return Problem("handler.not_found", "", f"there is no handler {name!r} here", hint)


def handler_view(handler: Handler, registry: Registry) -> dict[str, Any]:
    """Return what is known about a handler; `plugin` is None where the engine was given it.

    Config and output are JSON Schema. The schemas are shared: do not change them. `output` is None
    where a handler does not declare its output, or its shape depends on the config. `raw` and
    `secret` are the config keys that are marked so; `settings` what its plugin can be set to.
    """
    report = _report(handler, registry)
    description = inspect.cleandoc(type(handler).__doc__ or "")
    dynamic = _own(handler, "output_schema")
    output = handler.Output
    return {
        "name": handler.name,
        "summary": " ".join(description.partition("\n\n")[0].split()),
        "description": description,
        "queue": handler.queue,
        "cpu_bound": handler.cpu_bound,
        "gives_result": handler.gives_result,
        "config": config_schema(handler.Config),
        "raw": sorted(raw_keys(handler.Config)),
        "secret": sorted(secret_keys(handler.Config)),
        "output": output_schema(output) if output is not None and not dynamic else None,
        "example": dict(handler.example) if handler.example is not None else None,
        "errors": dict(handler.errors),
        "plugin": _plugin(report),
        "settings": [setting.as_dict() for setting in report.settings] if report else [],
    }


def plugin_view(report: PluginReport) -> dict[str, Any]:
    """Return how loading a plugin went; what is None of error, traceback, printed is left out."""
    view = report.as_dict()
    return {name: value for name, value in view.items() if not _left_away(name, value)}


def _own(handler: Handler, method: str) -> bool:
    function = getattr(getattr(type(handler), method), "__func__", None)
    return function is not getattr(getattr(Handler, method), "__func__", None)


def _report(handler: Handler, registry: Registry) -> PluginReport | None:
    loaded = (report for report in registry.reports if report.status == "loaded")
    return next((report for report in loaded if handler.name in report.handlers), None)


def _plugin(report: PluginReport | None) -> dict[str, str | None] | None:
    if report is None:
        return None
    return {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
    }


def _left_away(name: str, value: Any) -> bool:
    return name in {"error", "traceback", "printed"} and value is None
