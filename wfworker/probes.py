"""What a worker tells those who look after it: `/livez`, `/readyz` and `/metrics`."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wfcore import Engine
from wfcore.metrics import CONTENT_TYPE, Metrics

__all__ = ["probes"]


def probes(engine: Engine, draining: Callable[[], bool]) -> Starlette:
    """Return the probes of an engine as an application."""
    metrics = Metrics(engine.vitals)

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        answers = await engine.vitals.store_answers()
        ready = answers and not draining()
        body = {
            "status": "ready" if ready else "draining" if draining() else "not ready",
            "store": {"answers": answers, "durability": engine.durability},
            "bus": {"healthy": engine.vitals.bus.healthy},
            "handlers": sorted(engine.registry.handlers),
        }
        return JSONResponse(body, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def tell_metrics(_: Request) -> Response:
        return Response(await metrics.text(), media_type=CONTENT_TYPE)

    routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/livez": livez,
        "/readyz": readyz,
        "/metrics": tell_metrics,
    }
    return Starlette(routes=[Route(path, answer) for path, answer in routes.items()])
