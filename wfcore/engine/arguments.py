"""The arguments of an engine, checked before anything is opened."""

import math
from collections.abc import Collection, Mapping
from typing import Final, get_args

from wfcore.secrets.source import NamedSecrets, SecretSource
from wfcore.store.opening import Durability
from wfcore.templating import TemplateLimits
from wfcore.workflow.limits import Limits

__all__ = ["check_arguments", "plugin_settings", "secret_source", "template_limits"]

_LONGEST: Final = 365 * 24 * 3600.0


def check_arguments(
    concurrency: object,
    durability: object,
    lease: object,
    ready: object,
    drain: object,
    retention: object,
) -> None:
    """Raise `ValueError` for what an engine cannot work with; times in seconds."""
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        raise ValueError(f"concurrency is {concurrency!r}; it has to be a whole number from 1")
    if durability is not None and durability not in get_args(Durability):
        raise ValueError(f"durability is {durability!r}; it has to be durable or relaxed")
    _check_seconds("lease_seconds", lease, 0.05)
    _check_seconds("ready_seconds", ready, 0.001)
    _check_seconds("drain_seconds", drain, 0.0)
    if retention is not None:
        _check_seconds("retention_seconds", retention, 0.0, most=10 * _LONGEST)


def _check_seconds(name: str, value: object, least: float, most: float = _LONGEST) -> None:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it has to be a number of seconds")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value!r}; it has to be between {least:g} and {most:g}")


def plugin_settings(given: Mapping[str, str] | None, private: Collection[str]) -> dict[str, str]:
    """Return the settings that any handler may ask for; `private` ones are their plugins' own.

    Where none names a model, the offline one is used.
    """
    settings = {name: value for name, value in (given or {}).items() if name not in private}
    if not settings.keys() & {"llm_provider", "llm_model"}:
        settings["llm_model"] = "echo"
    return settings


def secret_source(given: Mapping[str, str] | SecretSource | None) -> SecretSource:
    """Return where secrets come from; without one, there are none."""
    return NamedSecrets(given or {}) if isinstance(given, Mapping | None) else given


def template_limits(limits: Limits) -> TemplateLimits:
    """Return the bounds of templates: what they make has to hold an output for the next config."""
    return TemplateLimits(
        max_source_bytes=limits.max_template_bytes,
        max_output_bytes=2 * limits.max_output_bytes,
    )
