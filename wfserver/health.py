"""`/livez` and `/readyz`: is the process alive, and can it serve."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from wfcore.plugins.registry import PluginReport
from wfserver import examples
from wfserver.description import answers
from wfserver.schemas import Alive, Readiness
from wfserver.serving import ServingEngine

__all__ = ["router"]

_READINESS: Final = answers(Readiness, examples.READY)
_READINESS[503] = {
    **answers(Readiness, examples.NOT_READY)[200],
    "description": "The store does not answer.",
}

router = APIRouter(tags=["health"])


@router.get(
    "/livez",
    summary="Is the process alive?",
    operation_id="livez",
    responses=answers(Alive, examples.ALIVE),
)
async def livez() -> JSONResponse:
    """Answer, which is all that is asked."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    summary="Can it serve?",
    operation_id="readyz",
    responses=_READINESS,
)
async def readyz(engine: ServingEngine) -> JSONResponse:
    """200 while the store answers. Broken plugins and a bus that is away are told: work goes on."""
    answers = await engine.vitals.store_answers()
    reports = engine.registry.reports
    body: dict[str, Any] = {
        "status": "ready" if answers else "not ready",
        "store": {"answers": answers, "durability": engine.durability},
        "bus": {"healthy": engine.vitals.bus.healthy},
        "plugins": {
            "loaded": [_named(report) for report in reports if report.status == "loaded"],
            "broken": [
                {**_named(report), "error": report.error}
                for report in reports
                if report.status == "broken"
            ],
        },
    }
    return JSONResponse(body, HTTPStatus.OK if answers else HTTPStatus.SERVICE_UNAVAILABLE)


def _named(report: PluginReport) -> dict[str, str | None]:
    return {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
    }
