"""Request bodies: read within the byte limit, unpacked where compressed, and as strict JSON."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from fastapi import Request

from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import JSONValue, parse
from wfserver.encoding import decoder
from wfserver.problems import RequestRefused

__all__ = ["parse_body", "read_body"]

# From about here on, parsing takes longer than a hand-over to a thread.
_INLINE_BYTES: Final = 16 * 1024
_DISCARD_SECONDS: Final = 5.0


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body, unpacked; one that is too large is refused before it is whole."""
    most = limits.max_document_bytes
    unpacking = decoder(request.headers.get("content-encoding", ""))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        # A client that waits for `100 Continue` sends nothing after this answer.
        if request.headers.get("expect", "").lower() != "100-continue":
            await _discard(request.stream(), most)
        raise _too_large(most)
    stream = request.stream()
    body = bytearray()
    received = 0
    async for chunk in stream:
        received += len(chunk)
        for piece in unpacking.unpack(chunk):
            body += piece
            if len(body) > most or received > most:
                await _discard(stream, most)
                raise _too_large(most)
            # A chunk may unpack to a thousand times its size.
            await asyncio.sleep(0)
    if received:
        unpacking.end()
    return bytes(body)


async def parse_body(body: bytes, limits: Limits) -> JSONValue:
    """Return the JSON value of a body; raises `RequestRefused` where it is not JSON."""
    try:
        if len(body) > _INLINE_BYTES:
            return await asyncio.to_thread(parse, body, limits)
        return parse(body, limits)
    except DocumentRefused as refused:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, refused.problems) from refused


async def _discard(stream: AsyncIterator[bytes], most: int) -> None:
    """Read on for a while: a client that still sends as the connection closes loses the answer."""
    left = most
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    return


def _too_large(most: int) -> RequestRefused:
    message = f"the body is larger than the limit of {most} bytes"
    hint = "the operator sets the limit with APP_MAX_DOCUMENT_BYTES"
    problem = Problem("document.too_large", "", message, hint)
    # The server would read on to the body's end, however far that is, to use the connection again.
    headers = {"Connection": "close"}
    return RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [problem], headers)
