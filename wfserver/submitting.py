"""Submitting workflows: store an execution, start it at once if wanted, or only check it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from wfcore import Status
from wfcore.errors import DocumentRefused
from wfcore.problems import Problem
from wfserver import examples
from wfserver.body import parse_body, read_body
from wfserver.description import answers, document_body, optional_body
from wfserver.document import read_document, refused_with_lines
from wfserver.idempotency import IdempotencyKey, execution_id_of, other_body_refused
from wfserver.parameters import Parameters
from wfserver.pressure import ROOM
from wfserver.problems import RequestRefused
from wfserver.results import results_response
from wfserver.schemas import ExecutionStatus, StartedOrEnded, TriggerRequest, Validation
from wfserver.serving import ServingEngine
from wfserver.waiting import MOST_SECONDS, Waiting, WaitSeconds

__all__ = ["router"]

router = APIRouter(tags=["executions"])


class SubmitParameters(Parameters):
    """How to submit."""

    trigger: Annotated[bool, Field(description="Start the execution too.")] = False
    wait: Annotated[
        WaitSeconds | None,
        Field(
            description="With `trigger`: answer when the execution has ended, or after so many"
            f" seconds ({MOST_SECONDS} at most), with the body of `/results`."
        ),
    ] = None


@router.post(
    "/workflow",
    summary="Submit a workflow",
    operation_id="submit",
    responses=answers(
        StartedOrEnded, examples.SUBMITTED, 400, 409, 413, 415, 422, 503, notices=True
    ),
    openapi_extra=document_body(),
    dependencies=[ROOM],
)
async def submit(
    request: Request,
    engine: ServingEngine,
    waiting: Waiting,
    asked: Annotated[SubmitParameters, Query()],
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Check a workflow and store an execution of it; it starts when it is triggered.

    `?trigger=true` starts it at once, and `&wait=30` also waits for its end. With an
    `Idempotency-Key` a repeated submission answers where the execution of the first one stands.
    """
    if asked.wait is not None and not asked.trigger:
        message = "wait needs trigger=true: what is not started does not end"
        raise DocumentRefused([Problem("request.parameter", "", message)])
    given = await read_document(request, engine.limits)
    chosen_id = execution_id_of(idempotency_key)
    async with refused_with_lines(given), other_body_refused(idempotency_key):
        if asked.trigger:
            execution_id, status = await engine.start_execution(
                given.document, given.input, execution_id=chosen_id
            )
        else:
            execution_id = await engine.submit(given.document, given.input, execution_id=chosen_id)
            status = await _status(engine, execution_id, repeated=chosen_id is not None)
    if asked.wait is not None:
        return results_response(await waiting.result(execution_id, asked.wait, request))
    return JSONResponse({"execution_id": execution_id, "status": str(status)})


@router.post(
    "/workflow/validate",
    summary="Check a workflow",
    operation_id="validate",
    responses=answers(Validation, examples.VALIDATION, 413, 415, 503),
    openapi_extra=document_body(),
)
async def validate(request: Request, engine: ServingEngine) -> JSONResponse:
    """Tell all that is wrong with a workflow, and with an input beside it. Nothing is stored."""
    try:
        given = await read_document(request, engine.limits)
        problems = await given.located(await engine.check(given.document, given.input))
    except RequestRefused as refused:
        if refused.status >= 413:
            raise
        problems = list(refused.problems)
    body = {"valid": not problems, "problems": [problem.as_dict() for problem in problems]}
    return JSONResponse(body)


@router.post(
    "/workflow/trigger/{execution_id}",
    summary="Start an execution",
    operation_id="trigger",
    responses=answers(ExecutionStatus, examples.STARTED, 400, 404, 409, 413, 415, 422, 503),
    openapi_extra=optional_body(TriggerRequest, examples.OVERRIDES),
    dependencies=[ROOM],
)
async def trigger(execution_id: str, request: Request, engine: ServingEngine) -> JSONResponse:
    """Start an execution, with other config values or an input if wanted.

    The same body again changes nothing and answers where the execution stands; another is refused.
    """
    body = await read_body(request, engine.limits)
    overrides: Any = await parse_body(body, engine.limits) if body else None
    status = await engine.trigger(execution_id, overrides)
    return JSONResponse({"execution_id": execution_id, "status": str(status)})


async def _status(engine: ServingEngine, execution_id: str, *, repeated: bool) -> Status:
    """Return where a submitted execution stands: one that came before may have gone on."""
    return (await engine.record(execution_id)).status if repeated else Status.PENDING
