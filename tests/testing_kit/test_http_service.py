"""HttpService: a real service with the answers that a test sets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from wfcore import NodeError
from wfcore.outbound.client import OutboundClient
from wfcore.testing import HttpService


@pytest.fixture
def service() -> Iterator[HttpService]:
    with HttpService() as running:
        yield running


@pytest.fixture
async def client(service: HttpService) -> AsyncIterator[OutboundClient]:
    opened = OutboundClient(service.outbound_allow)
    yield opened
    await opened.close()


async def test_it_answers_as_it_was_told(service: HttpService, client: OutboundClient) -> None:
    service.reply("/a", status=201, json={"é": 1}, headers={"X-Kind": "test"})
    answer = await client.request("GET", f"{service.url}/a?q=1&q=2")
    assert (answer.status, answer.json(), answer.headers["x-kind"]) == (201, {"é": 1}, "test")
    assert answer.media_type == "application/json"


async def test_it_keeps_what_arrived(service: HttpService, client: OutboundClient) -> None:
    service.reply("/a")
    await client.request("PATCH", f"{service.url}/a?q=1", json={"b": 2}, headers={"X-Key": "k"})
    [request] = service.requests
    assert (request.method, request.path, request.query) == ("PATCH", "/a", [("q", "1")])
    assert request.headers["x-key"] == "k"
    assert (request.json(), request.body) == ({"b": 2}, b'{"b":2}')


async def test_replies_are_given_in_turn_and_the_last_one_again(
    service: HttpService, client: OutboundClient
) -> None:
    service.reply("/a", status=503)
    service.reply("/a", body="well")
    answers = [await client.request("GET", f"{service.url}/a") for _ in range(3)]
    assert [(each.status, each.text) for each in answers] == [
        (503, ""),
        (200, "well"),
        (200, "well"),
    ]
    assert len(service.requests_to("/a")) == 3


async def test_a_method_can_have_replies_of_its_own(
    service: HttpService, client: OutboundClient
) -> None:
    service.reply("/a", body=b"any")
    service.reply("/a", method="post", body=b"posted")
    texts = [(await client.request(each, f"{service.url}/a")).text for each in ("GET", "POST")]
    assert texts == ["any", "posted"]


async def test_a_path_without_a_reply_says_so(service: HttpService, client: OutboundClient) -> None:
    answer = await client.request("GET", f"{service.url}/nothing")
    assert (answer.status, answer.json()) == (404, {"error": "no reply is set for GET /nothing"})
    assert service.requests_to("/nothing")


async def test_a_late_reply_makes_a_client_time_out(
    service: HttpService, client: OutboundClient
) -> None:
    service.reply("/late", delay=30)
    with pytest.raises(NodeError) as caught:
        await client.request("GET", f"{service.url}/late", timeout=0.1)
    assert caught.value.type == "Timeout"


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_are_whole(
    service: HttpService, client: OutboundClient, status: int
) -> None:
    service.reply("/a", status=status)
    assert (await client.request("GET", f"{service.url}/a")).status == status
    service.reply("/b", body="long")
    assert (await client.request("HEAD", f"{service.url}/b")).body == b""


async def test_many_requests_are_answered_at_once(
    service: HttpService, client: OutboundClient
) -> None:
    service.reply("/a", delay=0.3)
    began = time.monotonic()
    await asyncio.gather(*(client.request("GET", f"{service.url}/a") for _ in range(10)))
    assert time.monotonic() - began < 2.5
    assert len(service.requests) == 10


def test_a_closed_service_does_not_listen_and_waits_for_no_late_reply() -> None:
    with HttpService() as service:
        port = int(service.url.rpartition(":")[2])
        service.reply("/late", delay=60)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
            while not service.requests:
                time.sleep(0.01)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
