"""The engine that an app serves, as its routes receive it."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from wfcore import Engine

__all__ = ["ServingEngine", "set_engine"]


def set_engine(app: FastAPI, engine: Engine) -> None:
    """Let an app's routes serve this engine."""
    app.state.engine = engine


async def _engine(request: Request) -> Engine:
    engine = request.app.state.engine
    assert isinstance(engine, Engine)
    return engine


ServingEngine = Annotated[Engine, Depends(_engine)]
