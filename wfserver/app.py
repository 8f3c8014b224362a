"""The HTTP API over an engine."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware

from wfcore import Engine
from wfserver import executions, health
from wfserver.description import DescribedAPI
from wfserver.docs_page import add_docs
from wfserver.origin import SameOrigin
from wfserver.problems import answer_problems
from wfserver.serving import set_engine

__all__ = ["create_app"]


def create_app(engine: Engine) -> FastAPI:
    """Return the API of an engine that is open; whoever opened it closes it."""
    app = DescribedAPI(
        title="wfcore",
        version=version("wfcore"),
        summary="Workflows as JSON documents.",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(SameOrigin)],
    )
    set_engine(app, engine)
    answer_problems(app)
    app.include_router(executions.router)
    app.include_router(health.router)
    add_docs(app)
    return app
