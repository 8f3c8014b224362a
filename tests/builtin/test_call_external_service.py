"""`call_external_service` against a real service: what it sends, gives and says when it fails."""

import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.builtin.service import POSTS, Service
from wfcore import Limits, NodeError
from wfcore.outbound.client import OutboundClient
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler

# The bound of bodies is what some tests are about, not that of outputs.
_LIMITS = Limits(max_output_bytes=16 * 1024 * 1024)


@pytest.fixture
def call(builtins: Registry, context: FakeContext) -> Any:
    async def called(url: str, **config: Any) -> Any:
        handler = builtins.handler("call_external_service")
        return await run_handler(handler, {"url": url, **config}, context, limits=_LIMITS)

    return called


async def failure(awaited: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await awaited
    return caught.value


async def test_a_json_body_is_data(call: Any, service: Service) -> None:
    assert (await call(service.url("/posts")))["data"] == POSTS


async def test_the_status_the_headers_and_the_time_stand_beside_the_body(
    call: Any, service: Service
) -> None:
    output = await call(service.url("/cookie"))
    assert list(output) == ["data", "status", "headers", "elapsed"]
    assert output["status"] == 200
    assert output["headers"]["content-type"] == "application/json"
    assert output["headers"]["set-cookie"] == "session=secret; Path=/"
    assert 0 < output["elapsed"] < 30


async def test_any_other_body_is_text(call: Any, service: Service) -> None:
    url = service.url("/type?is=text/html")
    assert (await call(url, method="POST", body="<p>[1]</p>"))["data"] == "<p>[1]</p>"


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
    assert output["data"] == data


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
    service: Service, context: FakeContext, charset: str, raw: bytes, text: str
) -> None:
    url = service.url(f"/type?is=text/plain;charset={charset}")
    response = await context.http.request("POST", url, content=raw)
    assert response.text == text


async def test_no_content_is_empty_text(call: Any, service: Service) -> None:
    assert (await call(service.url("/no_content")))["data"] is None
    assert (await call(service.url("/type")))["data"] == ""
    head = await call(service.url("/posts"), method="HEAD")
    assert (head["data"], head["headers"]["content-length"] != "0") == (None, True)


async def test_every_attempt_sends_the_same_idempotency_key(
    call: Any, context: FakeContext, service: Service
) -> None:
    for method in ("GET", "POST"):
        for attempt in (1, 2):
            context.attempt = attempt
            await call(service.url("/echo"), method=method)
    keys = [entry.headers["idempotency-key"] for entry in service.log]
    assert keys == [context.idempotency_key] * 4


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
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3600.0),
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
        error = await failure(call(f"http://127.0.0.1:{port}/a?token=b"))
    assert (error.type, error.retryable) == ("ConnectionFailed", True)
    assert f"GET http://127.0.0.1:{port}/a failed: " in error.message
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
    assert (await call(service.url("/posts")))["data"] == POSTS


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
    assert next(iter(headers)).lower() in error.message
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
    assert (await call(service.url("/zipped")))["data"] == POSTS
    assert (await call(service.url("/members")))["data"] == [1, 2]
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
    assert [(await call(service.url("/cookie")))["data"] for _ in range(2)] == [None, None]


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
        {"url": "http://h", "method": ""},
        {"url": "http://h", "method": "CONNECT"},
        {"url": "http://h", "method": "GET /"},
        {"url": "http://h", "method": "GET\n"},
        {"url": "http://h", "body": 1},
        {"url": "http://h", "form": {"a": 1}},
        {"url": "http://h", "method": "POST", "form": {"a": 1}, "body": None},
        {"url": "http://h", "method": "POST", "form": {"a": None}},
        {"url": "http://h", "timeout": 0},
        {"url": "http://h", "timeout": 3601},
        {"url": "http://h", "typo": 1},
        {"url": "http://h", "headers": {"a": None}},
        {"url": "http://h", "headers": {"X-A": "1", "x-a": "2"}},
        {"url": "http://h", "auth": {"token": "t"}},
        {"url": "http://h", "auth": {"type": "digest", "token": "t"}},
        {"url": "http://h", "auth": {"type": "bearer"}},
        {"url": "http://h", "auth": {"type": "bearer", "token": ""}},
        {"url": "http://h", "auth": {"type": "bearer", "token": "t", "username": "u"}},
        {"url": "http://h", "auth": {"type": "basic", "username": "a:b", "password": "p"}},
        {
            "url": "http://h",
            "auth": {"type": "bearer", "token": "t"},
            "headers": {"AUTHORIZATION": "x"},
        },
        {"url": "http://h", "expect_status": 100},
        {"url": "http://h", "expect_status": 600},
        {"url": "http://h", "expect_status": "2x"},
        {"url": "http://h", "expect_status": "1xx"},
        {"url": "http://h", "expect_status": []},
        {"url": "http://h", "max_response_bytes": 0},
    ],
)
def test_a_config_with_a_mistake_is_refused(builtins: Registry, config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        builtins.handler("call_external_service").Config.model_validate(config)


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("PUT", "PUT"),
        ("patch", "PATCH"),
        ("Delete", "DELETE"),
        ("OPTIONS", "OPTIONS"),
        ("purge", "PURGE"),
        ("GET", "GET"),
    ],
)
async def test_any_method_may_carry_a_body(
    call: Any, service: Service, method: str, sent: str
) -> None:
    seen = (await call(service.url("/echo"), method=method, body={"a": 1}))["data"]
    assert (seen["method"], seen["body"]) == (sent, '{"a":1}')


async def test_a_form_is_sent_as_a_page_sends_it(call: Any, service: Service) -> None:
    form = {"name": "Ada & Grüße", "n": 1, "flag": True, "many": ["a", "b"]}
    seen = (await call(service.url("/echo"), method="POST", form=form))["data"]
    assert seen["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert seen["body"] == "name=Ada+%26+Gr%C3%BC%C3%9Fe&n=1&flag=true&many=a&many=b"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"type": "bearer", "token": "t0ken"}, "Bearer t0ken"),
        ({"type": "basic", "username": "ada", "password": "a:b ü"}, "Basic YWRhOmE6YiDDvA=="),
        ({"type": "basic", "username": "", "password": ""}, "Basic Og=="),
    ],
)
async def test_auth_becomes_the_header(
    call: Any, service: Service, auth: dict[str, str], header: str
) -> None:
    seen = (await call(service.url("/echo"), auth=auth))["data"]
    assert seen["headers"]["authorization"] == header


@pytest.mark.parametrize(
    "broken",
    [
        {"auth": {"type": "bearer", "token": "t0p\nsecret"}},
        {"headers": {"X-Key": "t0p\x00secret"}},
        {"headers": {"X-Key": "t0p\ud800secret"}},
        {"auth": {"type": "basic", "username": "t0p", "password": "secret\ud800"}},
        {"url": "http://ada:t0psecret@127.0.0.1/"},
        {"url": "http://ada:t0psecret@[oops/"},
        {"url": "http://[oops/?key=t0psecret"},
        {"url": "http://127.0.0.1:99999/?key=t0psecret"},
        {"method": "POST", "body": "t0psecret\ud800"},
        {"query": {"key": "t0psecret\ud800"}},
    ],
)
async def test_what_is_wrong_with_a_credential_is_said_without_it(
    call: Any, service: Service, broken: dict[str, Any]
) -> None:
    error = await failure(call(**{"url": service.url("/echo"), **broken}))
    assert error.type in {"InvalidRequest", "InvalidUrl"}
    assert not error.retryable
    assert "t0p" not in str(error.record())
    assert "secret" not in str(error.record())
    assert service.log == []


@pytest.mark.parametrize(
    "header",
    ["Host", "Content-Length", "transfer-encoding", "Connection", "Upgrade", "Expect", "TE"],
)
async def test_headers_that_frame_the_message_are_not_the_workflows(
    call: Any, service: Service, header: str
) -> None:
    error = await failure(call(service.url("/echo"), headers={header: "1"}))
    assert (error.type, error.retryable) == ("InvalidRequest", False)
    assert error.message == f"the header {header.lower()} is not the workflow's to set"
    assert service.log == []


@pytest.mark.parametrize(
    ("status", "expected", "fits"),
    [
        (201, 201, True),
        (200, 201, False),
        (204, "2xx", True),
        (404, [200, 404], True),
        (404, "4xx", True),
        (503, ["2xx", "5xx"], True),
        (500, ["2xx", 503], False),
        (404, "2xx", False),
    ],
)
async def test_the_workflow_says_what_counts_as_success(
    call: Any, service: Service, status: int, expected: Any, fits: bool
) -> None:
    called = call(service.url(f"/status/{status}"), expect_status=expected)
    if fits:
        output = await called
        assert output["status"] == status
        assert output["data"].startswith("" if status == 204 else f"the service says {status}")
    else:
        error = await failure(called)
        assert (error.type, error.status, error.retryable) == ("HttpStatus", status, status >= 500)
        assert error.message.endswith(f" answered {status}, expected was {expected}")


async def test_a_redirect_that_is_not_followed_is_a_result(call: Any, service: Service) -> None:
    output = await call(service.url("/redirect/1"), follow_redirects=False)
    assert (output["status"], output["headers"]["location"]) == (302, "/echo")
    assert len(service.log) == 1
    error = await failure(
        call(service.url("/redirect/1"), follow_redirects=False, expect_status="2xx")
    )
    assert (error.type, error.status) == ("HttpStatus", 302)


async def test_a_node_bounds_its_response(call: Any, service: Service) -> None:
    assert len((await call(service.url("/big/1000"), max_response_bytes=1000))["data"]) == 1000
    error = await failure(call(service.url("/big/1001"), max_response_bytes=1000))
    assert error.message == "the response is larger than 1000 bytes"
    zipped = service.url("/zipped")
    assert (await failure(call(zipped, max_response_bytes=20))).type == "ResponseTooLarge"


@pytest.mark.parametrize(
    ("url", "query", "sent"),
    [
        ("/echo", {"a": 1}, [["a", "1"]]),
        ("/echo?", {"a": 1}, [["a", "1"]]),
        ("/echo?b=2&", {"a": 1}, [["b", "2"], ["a", "1"]]),
        ("/echo?b=2#part", {"a": "#"}, [["b", "2"], ["a", "#"]]),
        ("/echo#part?no", {"a": 1}, [["a", "1"]]),
        ("/echo", {"a": []}, []),
    ],
)
async def test_the_query_is_added_to_what_the_url_has(
    call: Any, service: Service, url: str, query: Any, sent: Any
) -> None:
    assert (await call(service.url(url), query=query))["data"]["query"] == sent


async def test_a_large_json_body_is_data_too(call: Any, service: Service) -> None:
    sent = list(range(100_000))
    url = service.url("/type?is=application/json")
    assert (await call(url, method="POST", body=sent))["data"] == sent


async def test_what_the_guard_refuses_fails_the_node_for_good(
    builtins: Registry, service: Service
) -> None:
    client = OutboundClient()
    handler = builtins.handler("call_external_service")
    url = service.url("/posts")
    error = await failure(run_handler(handler, {"url": url}, FakeContext(http=client)))
    await client.close()
    assert (error.type, error.retryable) == ("OutboundRefused", False)
    assert f"--allow 127.0.0.1:{service.port}" in error.message
    assert service.log == []
