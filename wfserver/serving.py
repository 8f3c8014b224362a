"""The engine that an app serves, and what its routes share, as they receive it."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from wfcore import Engine
from wfserver.stopping import Stopping
from wfserver.waiting import WaitingRoom

__all__ = ["ServingEngine", "set_engine"]


def set_engine(app: FastAPI, engine: Engine) -> None:
    """Let an app's routes serve this engine."""
    app.state.engine = engine
    app.state.stopping = Stopping()
    app.state.schemas = {}
    app.state.waiting = WaitingRoom(engine, app.state.stopping)


async def _engine(request: Request) -> Engine:
    engine = request.app.state.engine
    assert isinstance(engine, Engine)
    return engine


ServingEngine = Annotated[Engine, Depends(_engine)]
