"""`/metrics`: what the server counts, for Prometheus."""

from fastapi import APIRouter, Request, Response

from wfserver.serving import ServingEngine

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request, engine: ServingEngine) -> Response:
    """Return the metrics of this process and the counts of its store."""
    # Imported here: the `server` extra alone brings no metrics.
    from wfcore.metrics import CONTENT_TYPE, Metrics  # noqa: PLC0415

    state = request.app.state
    if not hasattr(state, "metrics"):
        state.metrics = Metrics(engine.vitals)
    return Response(await state.metrics.text(), media_type=CONTENT_TYPE)
