"""The HTTP API over an engine."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware

from wfcore import Engine
from wfserver import (
    catalog,
    events,
    executions,
    health,
    listing,
    metrics,
    nodes,
    steering,
    submitting,
)
from wfserver.cross_origin import cross_origin
from wfserver.description import DescribedAPI
from wfserver.docs_page import add_docs
from wfserver.keys import KeyRequired, Keys
from wfserver.origin import SameOrigin
from wfserver.problems import answer_problems
from wfserver.serving import set_engine
from wfserver.unread import UnreadBody

__all__ = ["create_app"]

_ROUTES = (submitting, executions, listing, steering, nodes, events, catalog, health, metrics)


def create_app(
    engine: Engine, *, api_keys: Sequence[str] = (), cors_origins: Sequence[str] = ()
) -> FastAPI:
    """Return the API of an engine that is open; whoever opened it closes it.

    With `api_keys`, every route but `/livez` and `/readyz` wants one of them as a bearer key.
    `cors_origins` are other web sites (`https://app.example.com`) whose pages may use the API.
    """
    app = DescribedAPI(
        title="wfcore",
        version=version("wfcore"),
        summary="Workflows as JSON documents.",
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(UnreadBody),
            *cross_origin(cors_origins),
            Middleware(SameOrigin, welcome=cors_origins),
            *([Middleware(KeyRequired, keys=Keys(api_keys))] if api_keys else []),
        ],
    )
    app.keys_wanted = bool(api_keys)
    app.more_models = (steering.RetryManyRequest,)
    set_engine(app, engine)
    answer_problems(app)
    for routes in _ROUTES:
        app.include_router(routes.router)
    add_docs(app)
    return app
