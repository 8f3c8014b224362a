"""Engines with secrets, and documents that use them."""

from typing import Any

from tests.secrets.canary import SECRETS
from tests.secrets.handlers import Careless, reader
from wfcore import DocumentRefused, Engine, Result, RetryDefaults
from wfcore.secrets.source import SecretSource

Json = dict[str, Any]


def engine(secrets: dict[str, str] | SecretSource | None = None, **options: Any) -> Engine:
    return Engine(
        handlers=[Careless, reader],
        secrets=SECRETS if secrets is None else secrets,
        outbound_allow=["127.0.0.1", "localhost"],
        retry=RetryDefaults(max_retries=1, base_backoff=0.0, retry_delay=0.0),
        **options,
    )


def node(name: str, handler: str, *dependencies: str, **config: Any) -> Json:
    return {"id": name, "handler": handler, "dependencies": list(dependencies), "config": config}


def document(*nodes: Json) -> Json:
    return {"name": "w", "dag": {"nodes": list(nodes)}}


async def ended(opened: Engine, *nodes: Json, body: Json | None = None) -> Result:
    execution = await opened.submit(document(*nodes))
    await opened.trigger(execution, body)
    return await opened.wait(execution, timeout=30)


async def refused(opened: Engine, *nodes: Json) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in await opened.check(document(*nodes))]


async def refused_trigger(opened: Engine, execution: str, body: Json) -> list[tuple[str, str]]:
    try:
        await opened.trigger(execution, body)
    except DocumentRefused as error:
        return [(each.code, each.pointer) for each in error.problems]
    return []
