"""Steering executions: cancel, take up again, delete."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, JsonValue, ValidationError

from wfcore import Conflict, DocumentRefused, Engine, ExecutionNotFound, Filter, Problem, Status
from wfcore.workflow.faults import faults
from wfserver import examples
from wfserver.body import parse_body, read_body
from wfserver.description import answers, no_content, optional_body
from wfserver.listing import StatusName
from wfserver.moments import Moment
from wfserver.parameters import Parameters
from wfserver.schemas import ExecutionStatus, RetriedMany, RetryRequest, RetryStarted
from wfserver.serving import ServingEngine

__all__ = ["RetryManyRequest", "router"]

router = APIRouter(tags=["executions"])

T = TypeVar("T")
_AT_A_TIME: Final = 16
"""Retries that are started together: enough to share the store's commits."""


class RetryManyRequest(Parameters):
    """Which executions to take up again; all that is given must hold. FAILED ones unless named.

    Those that have a retry already are left out.
    """

    status: StatusName | list[StatusName] = Status.FAILED
    name: str | None = None
    """The workflow's, exactly."""
    labels: dict[str, str] = Field(default_factory=dict)
    created_after: Moment | None = None
    created_before: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    """Look at so many at most; `next` says where to go on."""
    cursor: str = ""
    """The `next` of the answer before."""
    overrides: dict[str, dict[str, JsonValue]] | None = None
    """Config keys to replace, by node id."""

    def filter(self) -> Filter:
        """Return what the engine is asked for."""
        statuses = self.status if isinstance(self.status, list) else [self.status]
        return Filter(
            statuses=tuple(statuses),
            name=self.name,
            labels=self.labels,
            created_from=self.created_after,
            created_before=self.created_before,
            retried=False,
        )


@router.post(
    "/workflows/retry",
    summary="Take up many executions again",
    operation_id="retry_many",
    responses=answers(RetriedMany, examples.RETRIED_MANY, 400, 413, 415, 422, 503),
    openapi_extra=optional_body(RetryManyRequest, examples.RETRY_MANY),
)
async def retry_many(request: Request, engine: ServingEngine) -> JSONResponse:
    """Start a retry of every execution that matches, the newest first.

    It is safe to repeat: what has a retry by now is left out.
    """
    asked = await _retry_many_request(request, engine)
    page = await engine.executions(asked.filter(), asked.cursor, asked.limit)
    retried: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for some in _parts([record.id for record in page.records]):
        made = await asyncio.gather(*(_retry(engine, each, asked.overrides) for each in some))
        for answer in made:
            (refused if "problems" in answer else retried).append(answer)
    return JSONResponse({"retried": retried, "refused": refused, "next": page.next or None})


@router.post(
    "/workflows/{execution_id}/retry",
    summary="Take up an execution again",
    operation_id="retry",
    responses=answers(RetryStarted, examples.RETRY_STARTED, 400, 404, 409, 413, 415, 422, 503),
    openapi_extra=optional_body(RetryRequest, examples.OVERRIDES),
)
async def retry(execution_id: str, request: Request, engine: ServingEngine) -> JSONResponse:
    """Start a new execution, linked to one that has ended, that does what is left to do.

    COMPLETED nodes keep their outputs and do not run; all others run. The body may replace config
    keys; nodes that it names, and those after them, run anew. Safe to repeat: while a retry with
    the same body runs or has COMPLETED, it is that one that is answered.
    """
    body = await read_body(request, engine.limits)
    overrides: Any = await parse_body(body, engine.limits) if body else None
    new_id, status = await engine.retry(execution_id, overrides)
    return JSONResponse(_retry_started(new_id, status, execution_id))


@router.post(
    "/workflows/{execution_id}/cancel",
    summary="Cancel an execution",
    operation_id="cancel",
    responses=answers(ExecutionStatus, examples.CANCELLED, 404, 503),
)
async def cancel(execution_id: str, engine: ServingEngine) -> JSONResponse:
    """Start no further node of an execution, and interrupt those that run.

    Answers CANCELLED when nothing of it runs any more, RUNNING while something still ends; an
    execution that had ended stays as it ended.
    """
    status = await engine.cancel(execution_id)
    return JSONResponse({"execution_id": execution_id, "status": str(status)})


@router.delete(
    "/workflows/{execution_id}",
    summary="Delete an execution",
    operation_id="delete",
    status_code=204,
    responses=no_content(404, 409, 503),
)
async def delete(execution_id: str, engine: ServingEngine) -> Response:
    """Delete an execution that has ended, with all that it left."""
    await engine.delete(execution_id)
    return Response(status_code=204)


async def _retry_many_request(request: Request, engine: Engine) -> RetryManyRequest:
    body = await read_body(request, engine.limits)
    value = await parse_body(body, engine.limits) if body else None
    given = {} if value is None else value
    if not isinstance(given, dict):
        message = "the body should be an object that says which executions"
        hint = 'such as {"status": "FAILED", "labels": {"team": "support"}}'
        raise DocumentRefused([Problem("request.body", "", message, hint)])
    try:
        return RetryManyRequest.model_validate(given)
    except ValidationError as error:
        found = [Problem("request.body", f.pointer, f.message) for f in faults(error, given)]
        raise DocumentRefused(found[: engine.limits.max_problems]) from error


async def _retry(engine: Engine, old: str, overrides: Any) -> dict[str, Any]:
    try:
        new_id, status = await engine.retry(old, overrides)
    except DocumentRefused as refused:
        problems = refused.problems
    except Conflict as conflict:
        problems = (conflict.problem,)
    except ExecutionNotFound as gone:
        problems = (Problem("execution.not_found", "", str(gone)),)
    else:
        return _retry_started(new_id, status, old)
    return {"execution_id": old, "problems": [problem.as_dict() for problem in problems]}


def _retry_started(new_id: str, status: Status, old: str) -> dict[str, Any]:
    return {"execution_id": new_id, "status": str(status), "retry_of": old}


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for begin in range(0, len(values), _AT_A_TIME):
        yield values[begin : begin + _AT_A_TIME]
