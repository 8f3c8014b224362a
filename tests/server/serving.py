"""An engine behind a real server on the loopback interface, and a real client of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from wfcore import Engine
from wfserver.app import create_app
from wfserver.listening import address_of, listen
from wfserver.process import ApiServer

Json = dict[str, Any]
DEADLINE = 20.0


@contextlib.asynccontextmanager
async def serving(engine: Engine, **doors: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an open engine, and yield a client."""
    async with running(engine, **doors) as (_, client):
        yield client


@contextlib.asynccontextmanager
async def running(
    engine: Engine, **doors: Any
) -> AsyncIterator[tuple[ApiServer, httpx.AsyncClient]]:
    """Serve an open engine, and yield the server too, to stop it in the middle of something."""
    ready = asyncio.Event()
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        url = address_of(listener)
        server = ApiServer(create_app(engine, **doors), ready.set)
        running = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            async with httpx.AsyncClient(base_url=url, timeout=DEADLINE) as client:
                yield server, client
        finally:
            server.should_exit = True
            await running


async def submitted(client: httpx.AsyncClient, workflow: Json) -> str:
    """Submit a workflow and return its execution's id."""
    response = await client.post("/workflow", json=workflow)
    assert response.status_code == 200, response.text
    return str(response.json()["execution_id"])


async def ended(client: httpx.AsyncClient, execution_id: str) -> Json:
    """Wait until an execution has ended, and return its results."""
    async with asyncio.timeout(DEADLINE):
        while True:
            body: Json = (await client.get(f"/workflows/{execution_id}/results")).json()
            if body["status"] not in ("PENDING", "RUNNING"):
                return body
            await asyncio.sleep(0.01)


def problems(response: httpx.Response) -> list[tuple[str, str]]:
    """Return code and pointer of everything that a refusal tells."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert list(body) == ["type", "title", "status", "detail", "problems"]
    return [(each["code"], each["pointer"]) for each in body["problems"]]
