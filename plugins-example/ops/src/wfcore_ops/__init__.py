"""A webhook that is told how executions end, and a limit of calls per second."""

from pydantic import BaseModel

from wfcore import EventSink, Middleware, hookimpl
from wfcore_ops.pace import Pace
from wfcore_ops.settings import OpsSettings
from wfcore_ops.webhook import Webhook

__all__ = [
    "OpsSettings",
    "Pace",
    "Webhook",
    "wfcore_api",
    "wfcore_register_event_sinks",
    "wfcore_register_middlewares",
    "wfcore_register_settings",
]

wfcore_api = "1.0"


@hookimpl
def wfcore_register_settings() -> type[BaseModel]:
    """Name the variables: `APP_OPS_...`."""
    return OpsSettings


@hookimpl
def wfcore_register_event_sinks(settings: OpsSettings) -> list[EventSink]:
    """Register the webhook, where one is set."""
    if settings.webhook_url is None:
        return []
    return [Webhook(settings.webhook_url.get_secret_value(), settings.webhook_on)]


@hookimpl
def wfcore_register_middlewares(settings: OpsSettings) -> list[Middleware]:
    """Register the limit, where one is set."""
    return [Pace(settings.rates)] if settings.rates else []
