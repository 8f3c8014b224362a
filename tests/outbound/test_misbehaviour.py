"""Services that misbehave: what they cost is bounded, and what is said about them is typed."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.builtin.service import POSTS, Service
from tests.outbound.raw import answering, flooding, raw_service, stalling
from wfcore import NodeError
from wfcore.outbound.body import read_beginning, read_body
from wfcore.outbound.client import OutboundClient

Opened = Callable[..., OutboundClient]
MIB = 1024 * 1024


def squeezed(mebibytes: int, wbits: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=wbits)
    parts = [squeeze.compress(bytes(MIB)) for _ in range(mebibytes)]
    return b"".join([*parts, squeeze.flush()])


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("encoding", "wbits"), [("gzip", 31), ("x-gzip", 31), ("deflate", 15), ("deflate", -15)]
)
async def test_a_bomb_takes_no_more_memory_than_the_bound(encoding: str, wbits: int) -> None:
    bomb = squeezed(64, wbits)
    tracemalloc.start()
    try:
        with pytest.raises(NodeError, match="larger than 100000 bytes") as caught:
            await read_body(chunks(bomb), encoding, 100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.type == "ResponseTooLarge"
    assert peak < 2 * MIB


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"the text")),
        ("GZIP ", gzip.compress(b"the text")),
        ("gzip", gzip.compress(b"the ") + gzip.compress(b"text")),
        ("deflate", zlib.compress(b"the text")),
        ("deflate", zlib.compress(b"the text")[2:-4]),
        ("identity", b"the text"),
        ("", b"the text"),
    ],
    ids=["gzip", "name", "members", "zlib", "deflate", "identity", "none"],
)
async def test_bodies_are_decompressed_however_they_are_cut(encoding: str, body: bytes) -> None:
    for size in (1, 3, len(body)):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert await read_body(chunks(*pieces), encoding, 8) == b"the text"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_an_empty_body_may_call_itself_compressed(encoding: str) -> None:
    assert await read_body(chunks(), encoding, 8) == b""


@pytest.mark.parametrize(
    ("encoding", "body", "retryable"),
    [
        ("br", b"x", False),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x")), False),
        ("gzip", b"plain text", False),
        ("gzip", gzip.compress(b"x") + b"plain text", False),
        ("deflate", b"\xff\xff\xff", False),
        ("deflate", zlib.compress(b"x") + b"more", False),
        ("gzip", gzip.compress(b"the text")[:-5], True),
        ("deflate", zlib.compress(b"the text")[:-5], True),
        ("gzip", gzip.compress(b"") * 5000, False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_decompressed_is_an_error(
    encoding: str, body: bytes, retryable: bool
) -> None:
    with pytest.raises(NodeError) as caught:
        await read_body(chunks(body), encoding, 1000)
    assert (caught.value.type, caught.value.retryable) == ("InvalidResponse", retryable)


async def test_input_that_expands_to_nothing_is_bounded_too() -> None:
    squeeze = zlib.compressobj(wbits=31)
    read = 0

    async def nothings() -> AsyncIterator[bytes]:
        nonlocal read
        yield squeeze.compress(b"") + squeeze.flush(zlib.Z_FULL_FLUSH)
        while True:
            read += 5000
            yield b"\x00\x00\x00\xff\xff" * 1000  # empty stored blocks

    with pytest.raises(NodeError, match="larger than 10 bytes"):
        await read_body(nothings(), "gzip", 10)
    assert read < 100_000


@pytest.mark.parametrize("head", ["200 OK", "200 OK\r\nContent-Length: 100000000000"])
async def test_an_endless_body_is_left_at_the_bound(
    opened: Opened, failure: Any, head: str
) -> None:
    sent: list[int] = []
    async with raw_service(flooding(head, b"x" * 65536, sent)) as raw:
        error = await failure(opened("127.0.0.1", max_body_bytes=MIB).request("GET", raw.url()))
    assert (error.type, error.retryable) == ("ResponseTooLarge", False)
    assert sum(sent) < 32 * MIB


async def test_an_endless_chunked_body_is_left_at_the_bound(opened: Opened, failure: Any) -> None:
    sent: list[int] = []
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = "200 OK\r\nTransfer-Encoding: chunked"
    async with raw_service(flooding(head, piece, sent)) as raw:
        error = await failure(
            opened("127.0.0.1").request("GET", raw.url(), max_response_bytes=1000)
        )
    assert error.message == "the response is larger than 1000 bytes"
    assert sum(sent) < 32 * MIB


async def test_a_length_beyond_the_bound_is_believed_at_once(opened: Opened, failure: Any) -> None:
    async with raw_service(stalling("200 OK\r\nContent-Length: 1001", b"")) as raw:
        error = await failure(
            opened("127.0.0.1").request("GET", raw.url(), max_response_bytes=1000)
        )
    assert error.type == "ResponseTooLarge"


async def test_a_node_cannot_raise_the_engines_bound(opened: Opened, failure: Any) -> None:
    async with raw_service(answering("200 OK", b"x" * 2000)) as raw:
        client = opened("127.0.0.1", max_body_bytes=1000)
        error = await failure(client.request("GET", raw.url(), max_response_bytes=10**9))
    assert error.message == "the response is larger than 1000 bytes"


async def test_a_body_longer_than_its_length_says_spoils_no_later_request(opened: Opened) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    answer = stalling("200 OK\r\nContent-Length: 4", b"good" + smuggled)
    client = opened("127.0.0.1")
    async with raw_service(answer) as raw:
        for _ in range(3):
            response = await client.request("GET", raw.url(), timeout=2)
            assert response.body == b"good"
    assert raw.connections == 3


@pytest.mark.parametrize(
    "head",
    [
        "200 OK\r\nContent-Length: 100",
        "200 OK\r\nContent-Length: -1",
        "200 OK\r\nContent-Length: many",
        "200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        "200 OK\r\nTransfer-Encoding: chunked",
        "200 OK\r\nX: " + "y" * 200_000,
        "99999 What",
        "200 OK\r\nbad header",
    ],
)
async def test_what_is_no_http_is_a_failed_connection(
    opened: Opened, failure: Any, head: str
) -> None:
    async with raw_service(answering(head, b"not enough")) as raw:
        error = await failure(opened("127.0.0.1").request("GET", raw.url()))
    assert (error.type, error.retryable) == ("ConnectionFailed", True)


async def test_a_reset_is_a_failed_connection(opened: Opened, failure: Any) -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await writer.drain()
        writer.transport.abort()

    async with raw_service(reset) as raw:
        error = await failure(opened("127.0.0.1").request("GET", raw.url()))
    assert (error.type, error.retryable) == ("ConnectionFailed", True)


@pytest.mark.parametrize(
    ("head", "piece"), [("200 OK", b"."), ("200 OK\r\nX-Never-Ending: ", b"x"), ("2", b"")]
)
async def test_a_slow_service_is_left_in_time(
    opened: Opened, failure: Any, head: str, piece: bytes
) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        end = b"\r\n\r\n" if piece == b"." else b""
        writer.write(f"HTTP/1.1 {head}".encode() + end)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_service(drip) as raw:
        error = await failure(opened("127.0.0.1").request("GET", raw.url(), timeout=0.2))
    assert (error.type, error.retryable) == ("Timeout", True)
    assert error.message == f"GET {raw.url()} took longer than 0.2 s"


async def test_an_endless_row_of_interim_answers_is_left_in_time(
    opened: Opened, failure: Any
) -> None:
    flood = flooding("100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n", [])
    async with raw_service(flood) as raw:
        error = await failure(opened("127.0.0.1").request("GET", raw.url(), timeout=0.2))
    assert (error.type, error.retryable) == ("Timeout", True)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("503 Busy", b"the beginning"),
        ("503 Busy\r\nContent-Length: 100", b"the beginning"),
        ("503 Busy\r\nContent-Length: 100000000000", b"the beginning"),
        ("503 Busy\r\nContent-Encoding: br", b""),
        ("503 Busy\r\nContent-Encoding: gzip", gzip.compress(b"the beginning" * 9)[:-1]),
    ],
    ids=["ends", "short", "huge", "br", "cut gzip"],
)
async def test_an_errors_status_survives_what_is_wrong_with_its_body(
    opened: Opened, head: str, body: bytes
) -> None:
    for service in (answering(head, body), stalling(head, body)):
        async with raw_service(service) as raw:
            response = await opened("127.0.0.1").request("GET", raw.url(), timeout=0.3)
        assert response.status == 503
        assert response.body.startswith(b"the beginning" if body else b"")


async def test_of_an_error_only_the_beginning_is_read(opened: Opened) -> None:
    async with raw_service(flooding("500 No", b"x" * 65536, [])) as raw:
        response = await opened("127.0.0.1").request("GET", raw.url())
    assert (response.status, len(response.body)) == (500, 65536)


async def test_for_the_body_of_an_error_nobody_waits_long(opened: Opened) -> None:
    async with raw_service(stalling("503 Busy", b"the beginning")) as raw, asyncio.timeout(20):
        response = await opened("127.0.0.1").request("GET", raw.url(), timeout=50)
    assert (response.status, response.body) == (503, b"the beginning")


async def test_the_beginning_of_a_bomb_is_read_and_no_more() -> None:
    until = asyncio.get_running_loop().time() + 60
    assert len(await read_beginning(chunks(squeezed(8, 31)), "gzip", MIB, until)) == 65536


async def test_the_body_of_an_expected_error_is_whole(opened: Opened) -> None:
    async with raw_service(answering("404 Not Found", b"x" * 100_000)) as raw:
        client = opened("127.0.0.1")
        assert len((await client.request("GET", raw.url())).body) == 65536
        whole = await client.request("GET", raw.url(), expected={404})
    assert len(whole.body) == 100_000


async def test_many_misbehaving_services_leave_the_client_usable(
    opened: Opened, service: Service
) -> None:
    client = opened("127.0.0.1")
    async with raw_service(stalling("200 OK", b"x")) as raw:
        ended = await asyncio.gather(
            *(client.request("GET", raw.url(), timeout=0.1) for _ in range(50)),
            return_exceptions=True,
        )
    assert {error.type for error in ended if isinstance(error, NodeError)} == {"Timeout"}
    assert (await client.request("GET", service.url("/posts"))).json() == POSTS
