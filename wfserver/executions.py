"""One execution: where it stands, and what it gave."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from wfserver import examples
from wfserver.description import answers
from wfserver.parameters import Parameters
from wfserver.results import results_response
from wfserver.schemas import ExecutionResults, ExecutionView
from wfserver.serving import ServingEngine
from wfserver.waiting import MOST_SECONDS, Waiting, WaitSeconds

__all__ = ["router"]

router = APIRouter(tags=["executions"])


class StatusParameters(Parameters):
    """How much to tell."""

    outputs: Annotated[bool, Field(description="`false`: nodes without their `output`.")] = True


class ResultsParameters(Parameters):
    """How long to wait."""

    wait: Annotated[
        WaitSeconds,
        Field(
            description="Answer when the execution has ended, or after so many seconds"
            f" ({MOST_SECONDS} at most)."
        ),
    ] = 0


@router.get(
    "/workflows/{execution_id}",
    summary="Where does it stand?",
    operation_id="status",
    responses=answers(ExecutionView, examples.EXECUTION, 404, 422, 503),
)
async def status(
    execution_id: str, engine: ServingEngine, asked: Annotated[StatusParameters, Query()]
) -> JSONResponse:
    """Return an execution's status, and every node's state and output."""
    return JSONResponse(await engine.execution(execution_id, outputs=asked.outputs))


@router.get(
    "/workflows/{execution_id}/results",
    summary="Get the results",
    operation_id="results",
    responses=answers(ExecutionResults, examples.RESULTS, 404, 422, 503, notices=True),
)
async def results(
    execution_id: str,
    request: Request,
    waiting: Waiting,
    asked: Annotated[ResultsParameters, Query()],
) -> JSONResponse:
    """Return what an execution gave; before its end, `aggregated_results` is `{}`."""
    return results_response(await waiting.result(execution_id, asked.wait, request))
