"""Request bodies that nobody read, because the answer was known before.

To use the connection again, the server would read on to the body's end, however far that is.
"""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["UnreadBody"]

_MOST_BYTES: Final = 1024 * 1024
_MOST_SECONDS: Final = 1.0


class UnreadBody:
    """ASGI middleware: reads the rest of a body if it is short, and else closes the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body = _Body(receive, Headers(scope=scope))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.ended():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, body.receive, answer)


class _Body:
    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive = receive
        # Such a client sends its body only when it is asked to, by our reading it.
        self._held_back = headers.get("expect", "").lower() == "100-continue"
        self._whole = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._held_back = False
        self._whole = self._whole or not message.get("more_body", False)
        return message

    async def ended(self) -> bool:
        """Whether the body is read to its end; the rest is, as far as it is short."""
        left = _MOST_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOST_SECONDS):
                while not self._whole and not self._held_back and left > 0:
                    left -= len((await self.receive()).get("body", b""))
        return self._whole


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
