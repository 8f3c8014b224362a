"""`/metrics`: what the server counts, for Prometheus."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from wfcore import Engine
from wfcore.problems import Problem
from wfserver.problems import RequestRefused
from wfserver.serving import ServingEngine

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request, engine: ServingEngine) -> Response:
    """Return the metrics of this process and the counts of its store."""
    state = request.app.state
    if not hasattr(state, "metrics"):
        state.metrics = _metrics(engine)
    told, media_type = state.metrics
    return Response(await told.text(), media_type=media_type)


def _metrics(engine: Engine) -> tuple[Any, str]:
    try:
        # Imported here: the `server` extra alone brings no metrics.
        from wfcore.metrics import CONTENT_TYPE, Metrics  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        message = "this server has no metrics: prometheus_client is not installed"
        problem = Problem("server.missing", "", message, "pip install 'wfcore[metrics]'")
        raise RequestRefused(HTTPStatus.NOT_IMPLEMENTED, [problem]) from error
    return Metrics(engine.vitals), CONTENT_TYPE
