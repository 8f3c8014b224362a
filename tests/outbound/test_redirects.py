"""Redirects: each hop is checked anew, and credentials stay with the host they were meant for."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builtin.service import Service
from tests.outbound.names import Names
from tests.outbound.raw import answering, raw_service
from tests.outbound.vectors import NO_URLS, SPELLINGS
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import UNSET
from wfcore.outbound.redirect import redirected
from wfcore.outbound.request import Request

Opened = Callable[..., OutboundClient]

CREDENTIALS = {
    "Authorization": "Bearer secret",
    "Cookie": "session=secret",
    "X-Api-Key": "secret",
    "PRIVATE-TOKEN": "secret",
    "X-Amz-Security-Token": "secret",
    "Ocp-Apim-Subscription-Key": "secret",
    "X-Whatever": "secret",
}
HARMLESS = {
    "Accept": "application/json",
    "Accept-Language": "de",
    "Idempotency-Key": "key",
    "User-Agent": "mine",
}


def redirect(service: Service, to: str, status: int = 302) -> str:
    from urllib.parse import quote

    return service.url(f"/redirect/?status={status}&to={quote(to, safe='')}")


@pytest.mark.parametrize("host", SPELLINGS)
async def test_a_redirect_to_a_special_address_is_refused(
    opened: Opened, failure: Any, service: Service, host: str
) -> None:
    target = host.format(port=service.port)
    # The service itself is open: by its name, so that no address is.
    client = opened("service.example", resolver=Names({"service.example": [["127.0.0.1"]]}))
    head = f"302 Found\r\nLocation: http://{target}/posts\r\nContent-Length: 0"
    async with raw_service(answering(head)) as raw:
        start = raw.url().replace("127.0.0.1", "service.example")
        error = await failure(client.request("GET", start))
    assert (error.type, error.retryable) == ("OutboundRefused", False)
    assert SPELLINGS[host] in error.message
    assert error.message.startswith(f"{start} redirects to http://")
    assert service.log == []


LOCATIONS = [
    url.strip()
    for url in NO_URLS
    if (":/" in url or url.startswith("//")) and not any(mark in url for mark in "\r\n\x00")
]


@pytest.mark.parametrize("url", LOCATIONS)
async def test_a_redirect_to_what_is_no_url_requests_nothing_inside(
    opened: Opened, failure: Any, service: Service, url: str
) -> None:
    client = opened("service.example", resolver=Names({"service.example": [["127.0.0.1"]]}))
    head = f"302 Found\r\nLocation: {url.format(port=service.port)}\r\nContent-Length: 0"
    async with raw_service(answering(head)) as raw:
        error = await failure(
            client.request("GET", raw.url().replace("127.0.0.1", "service.example"))
        )
    assert error.type in {"InvalidUrl", "OutboundRefused", "TooManyRedirects"}
    assert not error.retryable
    assert service.log == []


async def test_a_name_is_resolved_and_checked_again_at_a_redirect_to_it(
    opened: Opened, failure: Any, service: Service, other: Service
) -> None:
    names = Names({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    client = opened("a.example", resolver=names)
    start = redirect(service, f"http://b.example:{other.port}/posts").replace(
        "127.0.0.1", "a.example", 1
    )
    error = await failure(client.request("GET", start))
    assert error.type == "OutboundRefused"
    assert names.asked == ["a.example", "b.example"]
    assert other.log == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_credentials_do_not_go_to_another_host(
    opened: Opened, service: Service, other: Service, status: int
) -> None:
    names = Names({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    client = opened("127.0.0.1", resolver=names)
    target = f"http://b.example:{other.port}/redirect/1"
    start = redirect(service, target, status).replace("127.0.0.1", "a.example", 1)
    await client.request(
        "POST", start, headers={**CREDENTIALS, **HARMLESS}, json={"a": 1}, timeout=10
    )
    assert service.log[0].headers.items() >= {k.lower(): v for k, v in CREDENTIALS.items()}.items()
    assert [entry.path for entry in other.log] == ["/redirect/1", "/echo"]
    for entry in other.log:
        assert "secret" not in str(entry.headers)
        assert entry.headers.items() >= {k.lower(): v for k, v in HARMLESS.items()}.items()
        assert entry.headers["host"] == f"b.example:{other.port}"


async def test_another_port_is_another_host(
    opened: Opened, service: Service, other: Service
) -> None:
    client = opened("127.0.0.1")
    await client.request("GET", redirect(service, other.url("/echo")), headers=CREDENTIALS)
    assert "secret" not in str(other.log[0].headers)


async def test_credentials_that_were_dropped_do_not_come_back(
    opened: Opened, service: Service, other: Service
) -> None:
    client = opened("127.0.0.1")
    back = redirect(other, service.url("/echo"))
    await client.request("GET", redirect(service, back), headers=CREDENTIALS)
    assert [entry.path for entry in service.log] == ["/redirect/", "/echo"]
    assert "secret" not in str(service.log[1].headers)


async def test_credentials_stay_on_the_same_host(opened: Opened, service: Service) -> None:
    await opened("127.0.0.1").request("GET", service.url("/redirect/2"), headers=CREDENTIALS)
    assert len(service.log) == 3
    for entry in service.log:
        assert entry.headers.items() >= {k.lower(): v for k, v in CREDENTIALS.items()}.items()


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 301, "PUT"),
        ("PUT", 303, "GET"),
        ("DELETE", 302, "DELETE"),
        ("HEAD", 303, "HEAD"),
        ("PATCH", 308, "PATCH"),
    ],
)
async def test_the_method_and_the_body_follow_as_http_says(
    opened: Opened, service: Service, method: str, status: int, then: str
) -> None:
    url = service.url(f"/redirect/?status={status}")
    body = None if method in {"HEAD", "DELETE"} else b"the body"
    await opened("127.0.0.1").request(
        method, url, content=body, headers={"Content-Type": "text/plain"}
    )
    last = service.log[-1]
    assert (last.method, last.path) == (then, "/echo")
    assert last.body == (b"the body" if then == method and body else b"")
    assert ("content-type" in last.headers) is (then == method)


async def test_a_redirect_is_given_as_it_is_where_it_is_not_to_be_followed(
    opened: Opened, service: Service
) -> None:
    response = await opened("127.0.0.1").request(
        "GET", service.url("/redirect/1"), follow_redirects=False
    )
    assert (response.status, response.headers["location"]) == (302, "/echo")
    assert [entry.path for entry in service.log] == ["/redirect/1"]


async def test_a_redirect_without_a_location_is_an_answer(opened: Opened) -> None:
    async with raw_service(answering("302 Found\r\nContent-Length: 2", b"hm")) as raw:
        response = await opened("127.0.0.1").request("GET", raw.url())
    assert (response.status, response.body) == (302, b"hm")


async def test_the_body_of_a_redirect_is_not_read(opened: Opened, service: Service) -> None:
    endless = answering(f"302 Found\r\nLocation: {service.url('/posts')}", b"x" * 1000)
    async with raw_service(endless) as raw:
        response = await opened("127.0.0.1").request("GET", raw.url(), max_response_bytes=500)
    assert response.status == 200


@pytest.mark.parametrize(
    ("start", "location", "kept"),
    [
        ("http://a.example/", "https://a.example/x", True),
        ("http://a.example:80/", "https://a.example:443/x", True),
        ("https://a.example/", "https://a.example:443/x", True),
        ("http://a.example/", "/x", True),
        ("https://a.example/", "//a.example/x", True),
        ("http://a.example/", "http://A.example/x", True),
        ("https://a.example/", "http://a.example/x", False),
        ("https://a.example/", "http://a.example:443/x", False),
        ("http://a.example:8080/", "https://a.example/x", False),
        ("http://a.example/", "https://a.example:8443/x", False),
        ("https://a.example/", "https://b.a.example/x", False),
        ("https://a.example/", "https://a.example.b.example/x", False),
        ("https://a.example/", "//b.example/x", False),
    ],
)
def test_credentials_go_to_the_same_host_no_less_protected(
    start: str, location: str, kept: bool
) -> None:
    request = Request.build("GET", start, {"Authorization": "Bearer secret"}, UNSET, None)
    following = redirected(request, 302, location)
    assert following is not None
    assert ("authorization" in following.headers) is kept
    assert following.url.path == "/x"
