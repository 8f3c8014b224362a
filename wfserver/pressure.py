"""Backpressure: nothing new is taken while the store is in danger; what is there goes on."""

import time
from http import HTTPStatus
from typing import Final

from fastapi import Depends, Request

from wfcore.errors import StoreError
from wfcore.problems import Problem
from wfserver.problems import RequestRefused
from wfserver.serving import ServingEngine

__all__ = ["ROOM"]

_FRESH_SECONDS: Final = 1.0
_RETRY_AFTER_SECONDS: Final = 10


async def _room(request: Request, engine: ServingEngine) -> None:
    state = request.app.state
    asked_at, why = getattr(state, "pressure", (float("-inf"), None))
    if time.monotonic() - asked_at > _FRESH_SECONDS:
        # Written first: of many requests at a time, one asks.
        state.pressure = (time.monotonic(), why)
        try:
            why = await engine.vitals.pressure()
        except StoreError:
            # What the request does next says it better.
            why = None
        state.pressure = (time.monotonic(), why)
    if why is not None:
        hint = "try again later: what was submitted before goes on"
        problem = Problem("store.full", "", f"nothing new is taken: {why}", hint)
        headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        raise RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, [problem], headers)


ROOM: Final = Depends(_room)
"""Refuses a request with 503 while the store has no room for what it would bring."""
