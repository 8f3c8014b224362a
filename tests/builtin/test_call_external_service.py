"""`call_external_service` against a real service: what it sends, gives and says when it fails."""

import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.builtin.service import POSTS, Service
from tests.plugins.recording import RecordingContext, run_handler
from wfcore import NodeError
from wfcore.plugins.registry import Registry


@pytest.fixture
def call(builtins: Registry, context: RecordingContext) -> Any:
    async def called(url: str, **config: Any) -> Any:
        handler = builtins.handler("call_external_service")
        return await run_handler(handler, {"url": url, **config}, context)

    return called


async def failure(awaited: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await awaited
    return caught.value


async def test_a_json_body_is_data(call: Any, service: Service) -> None:
    assert await call(service.url("/posts")) == {"data": POSTS}


async def test_any_other_body_is_text(call: Any, service: Service) -> None:
    url = service.url("/type?is=text/html")
    assert await call(url, method="POST", body="<p>[1]</p>") == {"data": "<p>[1]</p>"}


@pytest.mark.parametrize(
    ("content_type", "sent", "data"),
    [
        ("application/json; charset=utf-8", '["ü"]', ["ü"]),
        ("APPLICATION/JSON", "1", 1),
        ("application/problem+json", '{"a": null}', {"a": None}),
        ("text/json", "\ufeff[1]", [1]),
        ("application/json", "", None),
        ("application/json; charset=nonsense", '"ü"', "ü"),
        ("application/jsonp", "[1]", "[1]"),
        (None, "[1]", "[1]"),
    ],
)
async def test_the_content_type_decides_what_is_json(
    call: Any, service: Service, content_type: str | None, sent: str, data: Any
) -> None:
    query = {"is": content_type} if content_type else {}
    output = await call(service.url("/type"), method="POST", body=sent, query=query)
    assert output == {"data": data}


@pytest.mark.parametrize("sent", ["{oops", "NaN", "[1] [2]", "1" * 5000, "[" * 100_000])
async def test_a_body_that_is_not_the_json_it_claims_to_be_is_an_error(
    call: Any, service: Service, sent: str
) -> None:
    url = service.url("/type?is=application/json")
    error = await failure(call(url, method="POST", body=sent))
    assert (error.type, error.retryable, error.status) == ("InvalidJson", False, 200)
    assert error.details == {"body": sent[:1024]}


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("iso-8859-1", b"caf\xe9", "café"),
        ("utf-8", b"caf\xe9", "caf\ufffd"),
        ("", b"caf\xe9\x00", "caf\ufffd\x00"),
        ("utf-16", "café".encode("utf-16"), "café"),
        ("idna", b"xn--caf-dma", "xn--caf-dma"),
        ("undefined", b"abc", "abc"),
        ("zlib", b"abc", "abc"),
        ("unicode_escape", rb"\ud800", r"\ud800"),
        ("utf-7", b"+2AA-", "+2AA-"),
    ],
)
async def test_text_is_read_in_its_charset_and_never_fails(
    service: Service, context: RecordingContext, charset: str, raw: bytes, text: str
) -> None:
    url = service.url(f"/type?is=text/plain;charset={charset}")
    response = await context.http.request("POST", url, content=raw)
    assert response.text == text


async def test_no_content_is_empty_text(call: Any, service: Service) -> None:
    assert await call(service.url("/no_content")) == {"data": None}
    assert await call(service.url("/type")) == {"data": ""}


async def test_every_attempt_sends_the_same_idempotency_key(
    call: Any, context: RecordingContext, service: Service
) -> None:
    for method in ("GET", "POST"):
        for attempt in (1, 2):
            context.attempt = attempt
            await call(service.url("/echo"), method=method)
    keys = [entry.headers["idempotency-key"] for entry in service.log]
    assert keys == ["key-of-the-node"] * 4


async def test_an_idempotency_key_of_the_workflows_own_is_sent_instead(
    call: Any, service: Service
) -> None:
    await call(service.url("/echo"), headers={"IDEMPOTENCY-KEY": "mine"})
    assert service.log[0].headers["idempotency-key"] == "mine"


async def test_headers_query_and_a_json_body_arrive(call: Any, service: Service) -> None:
    output = await call(
        service.url("/echo?a=0&b=%26"),
        method="POST",
        headers={"X-Text": "grün", "X-Number": 3, "X-Flag": True},
        query={"a": [1, "z w"], "c": True, "d": "&="},
        body={"text": "ü", "none": None},
    )
    seen = output["data"]
    assert seen["method"] == "POST"
    assert seen["query"] == [
        ["a", "0"],
        ["b", "&"],
        ["a", "1"],
        ["a", "z w"],
        ["c", "true"],
        ["d", "&="],
    ]
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["x-text"].encode("latin-1").decode() == "grün"
    assert (seen["headers"]["x-number"], seen["headers"]["x-flag"]) == ("3", "true")
    assert seen["body"] == '{"text":"ü","none":null}'


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ("plain ü", "plain ü", "text/plain; charset=utf-8"),
        (None, "null", "application/json"),
        ([], "[]", "application/json"),
        (0, "0", "application/json"),
    ],
)
async def test_text_is_sent_as_it_is_and_other_values_as_json(
    call: Any, service: Service, body: Any, sent: str, content_type: str
) -> None:
    seen = (await call(service.url("/echo"), method="POST", body=body))["data"]
    assert (seen["body"], seen["headers"]["content-type"]) == (sent, content_type)


async def test_a_content_type_of_the_workflows_own_stands(call: Any, service: Service) -> None:
    headers = {"Content-Type": "application/xml"}
    for body in ("<a/>", ["<a/>"]):
        seen = await call(service.url("/echo"), method="POST", body=body, headers=headers)
        assert seen["data"]["headers"]["content-type"] == "application/xml"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (409, False),
        (425, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (599, True),
        (304, False),
        (300, False),
    ],
)
async def test_an_error_status_fails_the_node(
    call: Any, service: Service, status: int, retryable: bool
) -> None:
    error = await failure(call(service.url(f"/status/{status}?token=secret")))
    assert (error.type, error.status, error.retryable) == ("HttpStatus", status, retryable)
    assert error.message == f"GET {service.url(f'/status/{status}')} answered {status}"
    if status != 304:
        assert error.details["body"].startswith(f"the service says {status}: xxx")
        assert len(error.details["body"]) == 1024


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0),
        ("999999999", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("-1", None),
        ("²", None),
        ("", None),
    ],
)
async def test_the_wait_that_a_busy_service_asks_for_is_kept(
    call: Any, service: Service, header: str, wait: float | None
) -> None:
    from urllib.parse import quote

    url = service.url(f"/status/503?retry_after={quote(header)}")
    assert (await failure(call(url))).retry_after == wait
    final = service.url(f"/status/404?retry_after={quote(header)}")
    assert (await failure(call(final))).retry_after is None


async def test_nobody_listening_is_a_failed_connection(call: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = await failure(call(f"http://user:pass@127.0.0.1:{port}/a?token=b"))
    assert (error.type, error.retryable) == ("ConnectionFailed", True)
    assert f"GET http://127.0.0.1:{port}/a failed: " in error.message
    assert "pass" not in error.message
    assert "token" not in error.message


@pytest.mark.parametrize("path", ["/hang_up", "/garbage", "/short"])
async def test_a_connection_that_breaks_is_a_failed_connection(
    call: Any, service: Service, path: str
) -> None:
    error = await failure(call(service.url(path)))
    assert (error.type, error.retryable) == ("ConnectionFailed", True)


@pytest.mark.parametrize("path", ["/hold", "/drip"])
async def test_the_timeout_bounds_the_whole_exchange(
    call: Any, service: Service, path: str
) -> None:
    error = await failure(call(service.url(path), timeout=0.2))
    assert (error.type, error.retryable) == ("Timeout", True)
    assert error.message == f"GET {service.url(path)} took longer than 0.2 s"
    assert await call(service.url("/posts")) == {"data": POSTS}


@pytest.mark.parametrize(
    "url",
    [
        "posts",
        "//host/path",
        "ftp://host/",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://host:99999/",
        "http://host:port/",
        "http://ho st/",
        "http://a\x00b/",
        "http://" + "a" * 70 + ".example/",
        "javascript:alert(1)",
        "http://.",
        "http://..",
        "http://a..b/",
        "http://xn--/",
        "http://\u2028/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://-a.example/",
        "http://a" + ".a" * 130,
    ],
)
async def test_what_is_no_http_url_fails_for_good(call: Any, url: str) -> None:
    for query in ({}, {"a": "b"}):
        error = await failure(call(url, query=query, timeout=5))
        assert (error.type, error.retryable) == ("InvalidUrl", False)
        str(error).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Split": "a\r\nX-Injected: b"},
        {"bad name": "a"},
        {"X": "\ud800"},
        {"": "a"},
        {"Transfer-Encoding": "nonsense"},
    ],
)
async def test_headers_that_http_forbids_fail_for_good(
    call: Any, service: Service, headers: dict[str, str]
) -> None:
    error = await failure(call(service.url("/echo"), headers=headers))
    assert (error.type, error.retryable) == ("InvalidRequest", False)
    assert service.log == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(call: Any, service: Service, status: int) -> None:
    url = service.url(f"/redirect/?status={status}")
    seen = (await call(url, method="POST", body={"a": 1}))["data"]
    assert seen["method"] == ("POST" if status in {307, 308} else "GET")
    assert seen["body"] == ('{"a":1}' if status in {307, 308} else "")


async def test_too_many_redirects_fail_for_good(call: Any, service: Service) -> None:
    assert (await call(service.url("/redirect/5")))["data"]["method"] == "GET"
    error = await failure(call(service.url("/redirect/6")))
    assert (error.type, error.retryable) == ("TooManyRedirects", False)


@pytest.mark.parametrize(
    "target", ["ftp://host/", "file:///etc/passwd", "http://127.0.0.1:99999/", "http://xn--/"]
)
async def test_a_redirect_to_what_is_no_http_url_fails(
    call: Any, service: Service, target: str
) -> None:
    error = await failure(call(service.url("/redirect/"), query={"to": target}))
    assert (error.type, error.retryable) == ("InvalidUrl", False)


async def test_a_body_may_be_as_large_as_the_bound(call: Any, service: Service) -> None:
    assert len((await call(service.url(f"/big/{1024 * 1024}")))["data"]) == 1024 * 1024
    error = await failure(call(service.url(f"/big/{1024 * 1024 + 1}")))
    assert (error.type, error.retryable) == ("ResponseTooLarge", False)


async def test_compressed_bodies_are_expanded_within_the_bound(call: Any, service: Service) -> None:
    assert await call(service.url("/zipped")) == {"data": POSTS}
    assert await call(service.url("/members")) == {"data": [1, 2]}
    assert (await failure(call(service.url("/bomb/64")))).type == "ResponseTooLarge"


@pytest.mark.parametrize(
    ("path", "retryable"),
    [("/encoded/br", False), ("/encoded/gzip", False), ("/cut_gzip", True)],
)
async def test_a_body_that_cannot_be_expanded_is_an_error(
    call: Any, service: Service, path: str, retryable: bool
) -> None:
    error = await failure(call(service.url(path)))
    assert (error.type, error.retryable) == ("InvalidResponse", retryable)


async def test_one_nodes_cookies_are_not_sent_by_another(call: Any, service: Service) -> None:
    assert [await call(service.url("/cookie")) for _ in range(2)] == [{"data": None}] * 2


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    call: Any, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen = (await call(service.url("/echo")))["data"]
    assert "authorization" not in seen["headers"]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": ""},
        {"url": "http://h", "method": "PUT"},
        {"url": "http://h", "body": 1},
        {"url": "http://h", "timeout": 0},
        {"url": "http://h", "typo": 1},
        {"url": "http://h", "headers": {"a": None}},
    ],
)
def test_a_config_with_a_mistake_is_refused(builtins: Registry, config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        builtins.handler("call_external_service").Config.model_validate(config)
