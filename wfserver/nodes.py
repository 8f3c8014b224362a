"""One node of an execution, with all that is known of it."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from wfserver import examples
from wfserver.description import answers
from wfserver.schemas import NodeDetails
from wfserver.serving import ServingEngine

__all__ = ["router"]

router = APIRouter(tags=["executions"])


@router.get(
    "/workflows/{execution_id}/nodes/{key:path}",
    summary="Look into a node",
    operation_id="node",
    responses=answers(NodeDetails, examples.NODE, 404, 503),
)
async def node(execution_id: str, key: str, engine: ServingEngine) -> JSONResponse:
    """Return a node's attempts with error, times and log, and its config as it was rendered.

    Secrets in the config are masked.
    """
    return JSONResponse(await engine.node(execution_id, key))
