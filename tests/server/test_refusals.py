"""Whatever is wrong with a request is told in one shape, with its place; nothing is a 500."""

import asyncio
import copy
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.server.conftest import BODY_LIMIT
from tests.server.serving import Json, problems, serving, submitted
from wfcore import Engine
from wfserver import examples

UNKNOWN = "a1b2c3d4-e5f6-7890-1234-567890abcdef"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"  \n", ("json.syntax", "")),
        (b'{"name": ', ("json.syntax", "")),
        (b"name=a&dag=b", ("json.syntax", "")),
        (b'{"name": "caf\xe9"}', ("json.encoding", "")),
        ('{"name": "a"}'.encode("utf-16"), ("json.encoding", "")),
        (b'{"name": "a", "name": "b"}', ("json.duplicate_key", "/name")),
        (b'{"input": {"a": 1, "a": 2}}', ("json.duplicate_key", "/input/a")),
        (b'{"timeout": NaN}', ("json.number", "/timeout")),
        (b'{"timeout": -Infinity}', ("json.number", "/timeout")),
        (b'{"timeout": 1e999}', ("json.number", "/timeout")),
        (b'{"timeout": 99999999999999999999999999}', ("json.number", "/timeout")),
        (b'{"name": "\\ud800"}', ("json.surrogate", "/name")),
        (b"[" * 100_000, ("json.depth", "")),
        (b'{"a":' * 20_000, ("json.depth", "")),
    ],
    ids=lambda value: repr(value)[:24],
)
@pytest.mark.parametrize("path", ["/workflow", f"/workflow/trigger/{UNKNOWN}"])
async def test_what_is_not_strict_json_answers_400(
    client: httpx.AsyncClient, path: str, body: bytes, told: tuple[str, str]
) -> None:
    response = await client.post(path, content=body)

    assert response.status_code == 400
    assert problems(response) == [told]


async def test_a_submission_needs_a_body(client: httpx.AsyncClient) -> None:
    response = await client.post("/workflow")

    assert response.status_code == 400
    assert problems(response) == [("json.syntax", "")]


@pytest.mark.parametrize("body", ["null", "[]", "7", '"text"', "true"])
async def test_a_workflow_that_is_no_object_is_refused(
    client: httpx.AsyncClient, body: str
) -> None:
    response = await client.post("/workflow", content=body)

    assert response.status_code == 422
    assert problems(response) == [("document.type", "")]


async def test_all_that_is_wrong_with_a_document_is_told_at_once_with_its_place(
    client: httpx.AsyncClient, seed: Json
) -> None:
    seed["labls"] = {}
    seed["input"] = {"customer": 7}
    nodes = seed["dag"]["nodes"]
    nodes[0]["handler"] = "call_extrnal_service"
    nodes[1]["config"]["prompt"] = "{{ get_posts.output.dat }}"
    nodes[2]["dependencies"] = ["sumarize_posts"]

    response = await client.post("/workflow", json=seed)

    assert response.status_code == 422
    told = problems(response)
    places = [place for _, place in told]
    assert "/labls" in places
    assert "/dag/nodes/0/handler" in places
    assert "/dag/nodes/2/dependencies/0" in places
    hints = {each["pointer"]: each["hint"] for each in response.json()["problems"]}
    assert hints["/labls"] == 'did you mean "labels"?'
    assert hints["/dag/nodes/0/handler"] == 'did you mean "call_external_service"?'
    assert f"(and {len(told) - 1} more)" in response.json()["detail"]


async def test_the_refusal_in_the_api_description_is_a_real_one(client: httpx.AsyncClient) -> None:
    workflow = copy.deepcopy(examples.WORKFLOW)
    workflow["dag"]["nodes"][1]["dependencies"] = ["get_post"]

    response = await client.post("/workflow", json=workflow)

    assert response.json() == examples.REFUSAL


async def test_a_misspelt_field_in_a_template_is_told_with_the_nearest_one(
    client: httpx.AsyncClient, seed: Json
) -> None:
    seed["dag"]["nodes"][1]["config"]["prompt"] = "Summarize {{ get_posts.output.dat }}"

    response = await client.post("/workflow", json=seed)

    assert response.status_code == 422
    [problem] = response.json()["problems"]
    assert problem["pointer"] == "/dag/nodes/1/config/prompt"
    assert "data" in problem["hint"]


async def test_an_input_beside_the_dag_is_checked_and_is_no_part_of_the_document(
    client: httpx.AsyncClient, seed: Json
) -> None:
    seed["input_schema"] = {
        "type": "object",
        "properties": {"customer": {"type": "string"}},
        "required": ["customer"],
    }

    refused = await client.post("/workflow", json={**seed, "input": {"customer": 7}})
    accepted = await client.post("/workflow", json={**seed, "input": {"customer": "Ada"}})

    assert refused.status_code == 422
    assert [place for _, place in problems(refused)] == ["/input/customer"]
    assert accepted.status_code == 200


@pytest.mark.parametrize("body", ["[]", "7", '"text"', "true"])
async def test_a_trigger_body_that_is_no_object_is_refused(
    client: httpx.AsyncClient, seed: Json, body: str
) -> None:
    execution_id = await submitted(client, seed)

    response = await client.post(f"/workflow/trigger/{execution_id}", content=body)

    assert response.status_code == 422
    assert problems(response) == [("trigger.type", "")]


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        ({"sumarize_posts": {"prompt": "x"}}, "/sumarize_posts"),
        ({"summarize_posts": {"promt": "x"}}, "/summarize_posts/promt"),
        ({"summarize_posts": {"prompt": 7}}, "/summarize_posts/prompt"),
        ({"summarize_posts": {"prompt": "{{ output.output }}"}}, "/summarize_posts/prompt"),
        ({"summarize_posts": {"prompt": "{{ get_posts."}}, "/summarize_posts/prompt"),
        ({"summarize_posts": "x"}, "/summarize_posts"),
        ({"execution": {"inputs": {}}}, "/execution/inputs"),
        ({"execution": 7}, "/execution"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_override_is_refused_with_its_place_and_starts_nothing(
    client: httpx.AsyncClient, seed: Json, overrides: Json, place: str
) -> None:
    execution_id = await submitted(client, seed)

    response = await client.post(f"/workflow/trigger/{execution_id}", json=overrides)

    assert response.status_code == 422
    assert [found for _, found in problems(response)] == [place]
    assert (await client.get(f"/workflows/{execution_id}")).json()["status"] == "PENDING"


@pytest.mark.parametrize(
    "execution_id", [UNKNOWN, "x", "%00", "..%2f..", "%F0%9F%92%A5", "a" * 3000]
)
async def test_an_unknown_execution_answers_404(
    client: httpx.AsyncClient, execution_id: str
) -> None:
    answers = [
        await client.get(f"/workflows/{execution_id}"),
        await client.get(f"/workflows/{execution_id}/results"),
        await client.post(f"/workflow/trigger/{execution_id}"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    for answer in answers:
        assert problems(answer)[0][0] in ("execution.not_found", "request.not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/workflow", "POST"),
        ("PUT", "/workflow", "POST"),
        ("PUT", f"/workflows/{UNKNOWN}", "DELETE, GET"),
        ("GET", f"/workflow/trigger/{UNKNOWN}", "POST"),
    ],
)
async def test_a_wrong_method_answers_405_and_names_the_right_one(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert problems(response) == [("request.method_not_allowed", "")]


async def test_an_unknown_path_answers_404_in_the_same_shape(client: httpx.AsyncClient) -> None:
    response = await client.get("/workflws")

    assert response.status_code == 404
    assert problems(response) == [("request.not_found", "")]


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("path", ["/workflow", f"/workflow/trigger/{UNKNOWN}"])
async def test_a_body_over_the_limit_answers_413(
    client: httpx.AsyncClient, path: str, chunked: bool
) -> None:
    size = BODY_LIMIT + 1

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(0, size, 8192):
            yield b" " * 8192

    response = await client.post(path, content=chunks() if chunked else b" " * size)

    assert response.status_code == 413
    assert problems(response) == [("document.too_large", "")]


async def test_a_body_of_the_limit_is_read(client: httpx.AsyncClient, seed: Json) -> None:
    padded = httpx.Request("POST", "http://x", json=seed).content.ljust(BODY_LIMIT)

    response = await client.post("/workflow", content=padded)

    assert response.status_code == 200


async def test_a_client_that_never_stops_sending_is_cut_off(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    try:
        response = await client.post("/workflow", content=endless())
    except httpx.TransportError:
        pass
    else:
        assert response.status_code == 413

    assert (await client.get("/livez")).status_code == 200


async def test_a_client_that_goes_away_in_its_body_is_no_error_of_ours(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    # The server waits for the request's end as it stops.
    async with serving(engine) as client:
        url = client.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST /workflow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        assert (await client.get("/livez")).status_code == 200
        writer.close()
        await writer.wait_closed()

    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_pages_of_other_sites_cannot_start_anything(
    client: httpx.AsyncClient, seed: Json
) -> None:
    own = str(client.base_url).rstrip("/")
    refused: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": own, "sec-fetch-site": "cross-site"},
        {"origin": own, "sec-fetch-site": "same-site"},
    ]
    welcome: list[dict[str, str]] = [
        {},
        {"origin": own},
        {"origin": "https://behind.a.proxy", "sec-fetch-site": "same-origin"},
    ]

    for headers in refused:
        response = await client.post("/workflow", json=seed, headers=headers)
        assert response.status_code == 403
        assert problems(response) == [("request.cross_origin", "")]
    for headers in welcome:
        assert (await client.post("/workflow", json=seed, headers=headers)).status_code == 200


async def test_a_document_means_the_same_with_any_content_type(
    client: httpx.AsyncClient, seed: Json
) -> None:
    body = httpx.Request("POST", "http://x", json=seed).content
    types = ("application/json", "text/plain", "application/x-www-form-urlencoded", None)

    for kind in types:
        headers = {"content-type": kind} if kind else {}
        response = await client.post("/workflow", content=body, headers=headers)
        assert response.status_code == 200
