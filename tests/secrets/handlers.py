"""Handlers that take a secret and are careless with it, one in each way."""

import asyncio
import logging
from typing import Annotated, Any

from pydantic import BaseModel

from wfcore import Handler, NodeContext, NodeError, Secret, handler, hookimpl

_log = logging.getLogger("careless.library")


class Careless(Handler):
    """Tells what it was given, and ends as `ends` says."""

    name = "careless"

    class Config(BaseModel):
        token: Annotated[str, Secret]
        ends: str = "well"
        url: Annotated[str, Secret] = ""
        plain: str = ""

    async def run(self, config: Config, context: NodeContext) -> Any:
        token = config.token
        _tell(token, context)
        # Nobody awaits it: asyncio logs its end, whenever it is collected.
        forgotten = asyncio.get_running_loop().create_task(_fails(token))
        del forgotten
        await asyncio.sleep(0)
        if config.url:
            await context.http.request("GET", config.url)
        if config.ends == "late" and context.attempt == 1:
            raise RuntimeError(f"not yet with {token!r}, {token.encode()!r}")
        return _end(config.ends, token)


def _tell(token: str, context: NodeContext) -> None:
    logger = context.logger
    logger.setLevel("DEBUG")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "with %s and %r", token, {"headers": [token]}, extra={"token": token})
        _log.log(level, "a library with %s", token)
    logger.info("wrongly formatted %d", token)
    _log.warning("wrongly formatted %d", token)
    try:
        raise ValueError(token)
    except ValueError:
        logger.exception("caught")
        _log.exception("caught", stack_info=True)
    context.notice(f"used {token}")
    context.progress(0.5, f"half with {token}")
    context.emit(f"kind {token}", {"token": token, token: [token]})
    context.meter(f"calls with {token}", 1)


async def _fails(token: str) -> None:
    raise LookupError(token)


def _end(how: str, token: str) -> Any:
    if how == "exception":
        headers = {"authorization": token}
        raise RuntimeError(f"{headers} failed") from KeyError(token)
    if how == "node error":
        raise NodeError(token, f"failed with {token}", details={"token": token, token: [1]})
    if how == "cut error":
        raise NodeError("Cut", "x" * (2000 - len(token) // 2) + token, details=token[:-3])
    if how == "strange details":
        raise NodeError("Strange", "failed", details={token: {1, 2}})
    if how == "validation":
        _Strict.model_validate({"number": f"{token} and more, so that pydantic shortens it"})
    if how == "no json":
        return {"token": token, "object": {token}}
    return {"token": token, token: {"deep": [token, f"<{token}>"]}}


class _Strict(BaseModel):
    number: int


@handler
def reader(token: Annotated[str, Secret], value: str = "") -> str:
    """Run in a thread."""
    logging.getLogger("careless.thread").info("in a thread with %s", token)
    return f"{token} {value}"


@hookimpl
def wfcore_register_handlers() -> list[Any]:
    return [Careless, reader]
