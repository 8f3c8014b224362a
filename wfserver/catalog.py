"""What this server can run: its handlers, its plugins, and the JSON Schema of its documents."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from wfcore.engine.schema import workflow_schema
from wfcore.plugins.catalog import absent_handler, handler_view, plugin_view
from wfserver import examples
from wfserver.description import answers
from wfserver.parameters import Parameters
from wfserver.problems import RequestRefused
from wfserver.schemas import HandlerList, HandlerView, JsonSchema, PluginList
from wfserver.serving import ServingEngine

__all__ = ["router"]

router = APIRouter(tags=["catalog"])


class SchemaParameters(Parameters):
    """Which documents the schema describes."""

    input: Annotated[bool, Field(description="With an `input` beside `dag`, as bodies have.")] = (
        False
    )


@router.get(
    "/handlers",
    summary="List handlers",
    operation_id="handlers",
    responses=answers(HandlerList, examples.HANDLERS),
)
async def handlers(engine: ServingEngine) -> JSONResponse:
    """Return what nodes can run here, with the JSON Schemas of config and output."""
    registry = engine.registry
    views = [handler_view(registry.handlers[name], registry) for name in sorted(registry.handlers)]
    return JSONResponse({"handlers": views})


@router.get(
    "/handlers/{name}",
    summary="Look into a handler",
    operation_id="handler",
    responses=answers(HandlerView, examples.HANDLER, 404),
)
async def handler(name: str, engine: ServingEngine) -> JSONResponse:
    """Return one handler."""
    registry = engine.registry
    found = registry.handlers.get(name)
    if found is None:
        raise RequestRefused(HTTPStatus.NOT_FOUND, [absent_handler(name, registry)])
    return JSONResponse(handler_view(found, registry))


@router.get(
    "/plugins",
    summary="List plugins",
    operation_id="plugins",
    responses=answers(PluginList, examples.PLUGINS),
)
async def plugins(engine: ServingEngine) -> JSONResponse:
    """Return how loading each plugin went; a broken one says why, and the others go on."""
    return JSONResponse({"plugins": [plugin_view(report) for report in engine.registry.reports]})


@router.get(
    "/schema",
    summary="Get the JSON Schema of documents",
    operation_id="schema",
    responses=answers(JsonSchema, examples.SCHEMA, 422),
)
async def schema(
    request: Request, engine: ServingEngine, asked: Annotated[SchemaParameters, Query()]
) -> JSONResponse:
    """Return the JSON Schema of workflow documents, with the configs of the handlers here.

    Editors complete and check documents by it.
    """
    made: dict[bool, dict[str, Any]] = request.app.state.schemas
    if asked.input not in made:
        made[asked.input] = await asyncio.to_thread(
            workflow_schema, engine.registry, with_input=asked.input
        )
    return JSONResponse(made[asked.input])
