"""The server's stop, as those requests learn of it that would go on for long."""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Request

__all__ = ["ServerStopping", "Stopping", "stop_waiting"]


class Stopping:
    """Tells once that the server stops."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Let those go who wait for anything."""
        self._told.set()

    async def wait(self) -> None:
        """Return when the server stops."""
        await self._told.wait()


def stop_waiting(app: FastAPI) -> None:
    """End the streams of an app, and let its long answers be given now."""
    app.state.stopping.tell()


async def _stopping(request: Request) -> Stopping:
    stopping = request.app.state.stopping
    assert isinstance(stopping, Stopping)
    return stopping


ServerStopping = Annotated[Stopping, Depends(_stopping)]
