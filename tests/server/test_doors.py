"""Who may use the server: keys, other sites' pages, and the warning where anyone can."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.server.serving import Json, problems, serving
from wfcore import Engine
from wfserver.app import create_app
from wfserver.process import serve

KEYS = ("first-key", "second-key")
SITE = "https://app.example.com"
ROUTES = [
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/files/swagger-ui.css"),
    ("GET", "/openapi.json"),
    ("GET", "/workflows"),
    ("GET", "/workflows/x"),
    ("GET", "/workflows/x/events"),
    ("GET", "/plugins"),
    ("GET", "/schema"),
    ("POST", "/workflow"),
    ("POST", "/workflow/validate"),
    ("DELETE", "/workflows/x"),
    ("GET", "/nothing"),
    ("OPTIONS", "/workflow"),
    ("PUT", "/workflow"),
]


@pytest_asyncio.fixture
async def locked(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(engine, api_keys=KEYS, cors_origins=(SITE,)) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_key_there_is_nothing_to_see(
    locked: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await locked.request(method, path)

    assert answer.status_code == 401
    assert problems(answer) == [("auth.required", "")]
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_described_route_but_the_probes_wants_a_key(
    locked: httpx.AsyncClient,
) -> None:
    described = (await locked.get("/openapi.json", headers=bearer(KEYS[0]))).json()

    for path, operations in described["paths"].items():
        for method in operations:
            answer = await locked.request(method, path.replace("{", "").replace("}", ""))
            assert (answer.status_code == 401) == (path not in ("/livez", "/readyz")), path
    assert described["security"] == [{"key": []}]
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert described["paths"]["/livez"]["get"]["security"] == []


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_the_probes_want_no_key(locked: httpx.AsyncClient, path: str) -> None:
    assert (await locked.get(path)).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        b"Bearer wrong",
        b"Bearer",
        b"Bearer first-key second-key",
        b"Bearer first-key,second-key",
        b"Bearer \xff\xfe",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"first-key"),
        b"Basic " + base64.b64encode(b"first-key:wrong"),
    ],
)
async def test_a_wrong_key_is_refused(locked: httpx.AsyncClient, authorization: bytes) -> None:
    answer = await locked.get("/workflows", headers={b"authorization": authorization})

    assert answer.status_code == 401
    assert problems(answer) == [("auth.wrong_key", "")]
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("key", KEYS)
async def test_each_key_opens(locked: httpx.AsyncClient, seed: Json, key: str) -> None:
    assert (await locked.get("/docs", headers=bearer(key))).status_code == 200
    lower = {"authorization": f"bearer {key}"}
    assert (await locked.post("/workflow", json=seed, headers=lower)).status_code == 200


async def test_a_browser_is_asked_for_a_key_where_the_docs_are(locked: httpx.AsyncClient) -> None:
    asked = await locked.get("/docs")
    page = await locked.get("/docs", auth=("me", KEYS[1]))
    elsewhere = await locked.get("/workflows")

    def schemes(answer: httpx.Response) -> list[str]:
        return [each.split()[0] for each in answer.headers.get_list("www-authenticate")]

    # Browsers look no further than the first scheme of each header.
    assert schemes(asked) == ["Bearer", "Basic"]
    assert schemes(elsewhere) == ["Bearer"]
    assert page.status_code == 200


async def test_a_small_body_without_a_key_keeps_its_connection(
    locked: httpx.AsyncClient, seed: Json
) -> None:
    answer = await locked.post("/workflow", json=seed)

    assert answer.status_code == 401
    assert "connection" not in answer.headers


async def test_a_body_is_not_read_for_who_has_no_key(locked: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65_536
            yield b" " * 65_536
            await asyncio.sleep(0)

    try:
        answer = await locked.post("/workflow", content=endless())
    except httpx.TransportError:
        pass
    else:
        assert answer.status_code == 401
    assert read < 64 * 1024 * 1024


async def test_a_welcome_page_may_ask_and_post(locked: httpx.AsyncClient, seed: Json) -> None:
    page = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}
    preflight = await locked.options(
        "/workflow",
        headers={
            **page,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    post = await locked.post("/workflow", json=seed, headers={**page, **bearer(KEYS[0])})
    refused = await locked.post("/workflow", json=seed, headers=page)

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == SITE
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"].lower()
    assert post.status_code == 200
    assert post.headers["access-control-allow-origin"] == SITE
    assert "Wf-Notice" in post.headers["access-control-expose-headers"]
    # The page has to be able to read why.
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == SITE


async def test_other_pages_are_refused_with_a_key_too(
    locked: httpx.AsyncClient, seed: Json
) -> None:
    page = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    preflight = await locked.options(
        "/workflow", headers={**page, "Access-Control-Request-Method": "POST"}
    )
    post = await locked.post("/workflow", json=seed, headers={**page, **bearer(KEYS[0])})
    read = await locked.get("/workflows", headers={**page, **bearer(KEYS[0])})

    assert preflight.status_code == 400
    assert post.status_code == 403
    for answer in (preflight, post, read):
        assert "access-control-allow-origin" not in answer.headers


async def test_without_origins_no_page_is_told_anything(client: httpx.AsyncClient) -> None:
    answer = await client.get("/workflows", headers={"Origin": SITE})

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_keys_are_shown_nowhere(engine: Engine) -> None:
    app = create_app(engine, api_keys=KEYS)

    shown = repr(vars(app)) + repr(app.user_middleware)

    assert "first-key" not in shown


@pytest.mark.parametrize(
    ("host", "doors", "warned"),
    [
        ("127.0.0.1", {}, ""),
        ("0.0.0.0", {"api_keys": KEYS}, ""),
        ("0.0.0.0", {}, "APP_API_KEYS"),
        ("127.0.0.1", {"cors_origins": ("*",)}, "APP_CORS_ORIGINS"),
    ],
)
async def test_a_start_that_lets_anyone_in_warns(
    caplog: pytest.LogCaptureFixture, host: str, doors: Json, warned: str
) -> None:
    def ready(url: str, engine: Engine) -> None:
        raise KeyboardInterrupt

    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt):
        await serve({}, host=host, port=0, on_ready=ready, **doors)

    told = [each.getMessage() for each in caplog.records if each.name == "wfserver.process"]
    assert len(told) == bool(warned)
    assert warned in "".join(told)
