"""The engine's HTTP client apart from any handler: opening, sharing, closing."""

import asyncio
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.builtin.service import POSTS, Service
from wfcore import NodeError
from wfcore.outbound.body import read_body
from wfcore.outbound.client import OutboundClient


async def test_many_first_requests_at_once_share_one_pool(service: Service) -> None:
    client = OutboundClient(["127.0.0.1"])
    answers = await asyncio.gather(
        *(client.request("GET", service.url("/posts")) for _ in range(20))
    )
    await client.close()
    assert [answer.json() for answer in answers] == [POSTS] * 20


async def test_a_closed_client_fails_requests_whether_it_was_open_or_not(service: Service) -> None:
    opened, never_opened = OutboundClient(["127.0.0.1"]), OutboundClient(["127.0.0.1"])
    await opened.request("GET", service.url("/posts"))
    for client in (opened, never_opened):
        await client.close()
        await client.close()
        with pytest.raises(NodeError, match="the engine is closing") as caught:
            await client.request("GET", service.url("/posts"))
        assert caught.value.retryable


async def test_a_cancelled_request_leaves_the_client_usable(service: Service) -> None:
    client = OutboundClient(["127.0.0.1"])
    request = asyncio.create_task(client.request("GET", service.url("/hold")))
    async with asyncio.timeout(10):
        while not service.requests("/hold"):
            await asyncio.sleep(0.01)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (await client.request("GET", service.url("/posts"))).json() == POSTS
    await client.close()


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800", object()])
async def test_what_is_no_json_is_not_sent(service: Service, value: object) -> None:
    client = OutboundClient(["127.0.0.1"])
    with pytest.raises(NodeError) as caught:
        await client.request("POST", service.url("/echo"), json=value)
    await client.close()
    assert caught.value.type == "InvalidRequest"
    assert service.log == []


async def test_a_compressed_body_takes_no_more_memory_than_the_bound() -> None:
    squeeze = zlib.compressobj(9, wbits=31)
    parts = [squeeze.compress(bytes(1024 * 1024)) for _ in range(64)]
    bomb = b"".join([*parts, squeeze.flush()])

    async def at_once() -> AsyncIterator[bytes]:
        yield bomb

    tracemalloc.start()
    try:
        with pytest.raises(NodeError, match="larger than 100000 bytes"):
            await read_body(at_once(), "gzip", 100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 1024 * 1024


async def test_of_an_error_only_the_beginning_is_read(service: Service) -> None:
    client = OutboundClient(["127.0.0.1"], max_body_bytes=100)
    response = await client.request("GET", service.url("/status/500"))
    await client.close()
    assert (response.status, len(response.body)) == (500, 100)


async def test_a_response_says_where_it_came_from_without_secrets(service: Service) -> None:
    client = OutboundClient(["127.0.0.1"])
    url = service.url("/redirect/1?token=secret")
    response = await client.request("GET", url)
    await client.close()
    assert response.url == service.url("/echo")
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"


def test_the_client_loads_no_http_library_until_it_is_used() -> None:
    code = (
        "import sys; from wfcore.outbound.client import OutboundClient; OutboundClient();"
        "print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
