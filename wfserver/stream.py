"""Server-sent events: the format, and an answer that ends with its source, client or server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wfserver.stopping import Stopping
from wfserver.waiting import gone

__all__ = ["EVENT_STREAM", "EventStream", "server_sent"]

EVENT_STREAM: Final = "text/event-stream"
_BEAT_SECONDS: Final = 15.0
_BEAT: Final = b":\n\n"
_LAST_WORDS_SECONDS: Final = 0.5


def server_sent(event: str, data: Any, id: int | None = None) -> bytes:
    """Return one event; `id` is what a client that was cut off sends as `Last-Event-ID`."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    named = f"id: {id}\n" if id is not None else ""
    return f"{named}event: {event}\ndata: {text}\n\n".encode()


class EventStream(Response):
    """Sends events as they come. A comment every 15 seconds keeps proxies from cutting it off."""

    media_type = EVENT_STREAM

    def __init__(self, events: AsyncGenerator[bytes, None], stopping: Stopping) -> None:
        # Proxies are asked to pass on at once what they get.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(None, headers=headers)
        del self.headers["content-length"]
        self._events = events
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        pump = asyncio.create_task(self._pump(send))
        left = asyncio.create_task(gone(Request(scope, receive)))
        tasks = [
            pump,
            left,
            asyncio.create_task(self._beat(send)),
            asyncio.create_task(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            told = await asyncio.gather(*tasks, return_exceptions=True)
        if not left.done() or left.cancelled():
            await _end(send)
        if isinstance(told[0], Exception):
            raise told[0]

    async def _pump(self, send: Send) -> None:
        async with contextlib.aclosing(self._events) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})

    async def _beat(self, send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": _BEAT, "more_body": True})
            await asyncio.sleep(_BEAT_SECONDS)


async def _end(send: Send) -> None:
    """Close the answer; a client that reads no further is not waited for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
