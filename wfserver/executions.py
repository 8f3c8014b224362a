"""The four endpoints: submit a workflow, trigger it, see where it stands, get its results."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from wfcore import Engine
from wfserver import examples
from wfserver.body import parse_body, read_body
from wfserver.description import answers, optional_body, required_body
from wfserver.notices import NOTICE, notice_lines
from wfserver.schemas import (
    ExecutionResults,
    ExecutionStatus,
    ExecutionView,
    TriggerRequest,
    WorkflowRequest,
)
from wfserver.serving import ServingEngine

__all__ = ["router"]

router = APIRouter(tags=["executions"])


@router.post(
    "/workflow",
    summary="Submit a workflow",
    operation_id="submit",
    responses=answers(ExecutionStatus, examples.SUBMITTED, 400, 413, 422, 503),
    openapi_extra=required_body(WorkflowRequest, examples.WORKFLOW),
)
async def submit(request: Request, engine: ServingEngine) -> JSONResponse:
    """Check a workflow and store an execution of it; it starts when it is triggered."""
    body = await read_body(request, engine.limits)
    document = await parse_body(body, engine.limits)
    if isinstance(document, dict) and "input" in document:
        given = document.pop("input")
        execution_id = await engine.submit(document, given)
    else:
        # As text: the engine sees at once how large it is, and checks a large one in a thread.
        execution_id = await engine.submit(body)
    return JSONResponse({"execution_id": execution_id, "status": "PENDING"})


@router.post(
    "/workflow/trigger/{execution_id}",
    summary="Start an execution",
    operation_id="trigger",
    responses=answers(ExecutionStatus, examples.STARTED, 400, 404, 409, 413, 422, 503),
    openapi_extra=optional_body(TriggerRequest, examples.OVERRIDES),
)
async def trigger(execution_id: str, request: Request, engine: ServingEngine) -> JSONResponse:
    """Start an execution, with other config values or an input if wanted.

    The same body again changes nothing and answers where the execution stands; another is refused.
    """
    overrides = await _overrides(request, engine)
    status = await engine.trigger(execution_id, overrides)
    return JSONResponse({"execution_id": execution_id, "status": str(status)})


@router.get(
    "/workflows/{execution_id}",
    summary="Where does it stand?",
    operation_id="status",
    responses=answers(ExecutionView, examples.EXECUTION, 404, 503),
)
async def status(execution_id: str, engine: ServingEngine) -> JSONResponse:
    """Return an execution's status, and every node's state and output."""
    return JSONResponse(await engine.execution(execution_id))


@router.get(
    "/workflows/{execution_id}/results",
    summary="Get the results",
    operation_id="results",
    responses=answers(ExecutionResults, examples.RESULTS, 404, 503, notices=True),
)
async def results(execution_id: str, engine: ServingEngine) -> JSONResponse:
    """Return what an execution gave; before its end, `aggregated_results` is `{}`."""
    result = await engine.result(execution_id)
    response = JSONResponse(result.as_dict())
    for line in notice_lines(result.notices):
        response.headers.append(NOTICE, line)
    return response


async def _overrides(request: Request, engine: Engine) -> Any:
    body = await read_body(request, engine.limits)
    if not body:
        return None
    return await parse_body(body, engine.limits)
