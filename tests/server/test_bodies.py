"""Bodies: compressed ones within the same limit, YAML, and a check that stores nothing."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.server.conftest import BODY_LIMIT
from tests.server.serving import Json, problems

YAML = """\
# A comment, and a prompt of several lines.
name: Greeting
dag:
  nodes:
    - id: ask
      handler: call_llm_service
      config:
        prompt: |
          Greet {{ execution.input.who }}
          in French
input: {who: Ada}
"""


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:10]) + gzip.compress(data[10:])


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("GZIP", two_members),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("identity", bytes),
]


async def post(
    client: httpx.AsyncClient, body: bytes, encoding: str, path: str = "/workflow"
) -> httpx.Response:
    return await client.post(path, content=body, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
async def test_a_compressed_body_is_unpacked(
    client: httpx.AsyncClient, seed: Json, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    answer = await post(client, pack(json.dumps(seed).encode()), encoding)

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("encoding", "pack"), PACKERS[:5])
async def test_what_unpacks_to_more_than_the_limit_is_refused(
    client: httpx.AsyncClient, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    bomb = pack(b" " * (256 * BODY_LIMIT))
    assert len(bomb) < BODY_LIMIT

    answer = await post(client, bomb, encoding)

    assert answer.status_code == 413
    assert problems(answer) == [("document.too_large", "")]


async def test_a_body_that_unpacks_to_the_limit_is_read(
    client: httpx.AsyncClient, seed: Json
) -> None:
    packed = gzip.compress(json.dumps(seed).encode().ljust(BODY_LIMIT))

    assert (await post(client, packed, "gzip")).status_code == 200
    one_more = gzip.compress(json.dumps(seed).encode().ljust(BODY_LIMIT + 1))
    assert (await post(client, one_more, "gzip")).status_code == 413


async def test_a_bomb_that_comes_in_pieces_is_refused_before_it_is_whole(
    client: httpx.AsyncClient,
) -> None:
    packer = zlib.compressobj(wbits=31)
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        yield packer.compress(b" " * BODY_LIMIT)
        for _ in range(2_000):
            sent += 1
            yield packer.compress(b" " * BODY_LIMIT) + packer.flush(zlib.Z_SYNC_FLUSH)

    headers = {"Content-Encoding": "gzip"}
    try:
        answer = await client.post("/workflow", content=pieces(), headers=headers)
    except httpx.TransportError:
        pass
    else:
        assert answer.status_code == 413
    assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, deflate", "caf\xe9"])
@pytest.mark.parametrize("path", ["/workflow", "/workflow/validate", "/workflow/trigger/x"])
async def test_an_unknown_encoding_is_refused_with_the_known_ones(
    client: httpx.AsyncClient, encoding: str, path: str
) -> None:
    answer = await client.post(
        path, content=b"{}", headers={b"content-encoding": encoding.encode("latin-1")}
    )

    assert answer.status_code == 415
    assert problems(answer) == [("body.encoding_unknown", "")]
    assert answer.headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"{}")[:-3]),
        ("gzip", gzip.compress(b"{}") + b"more"),
        ("gzip", gzip.compress(b"{}")[:-5] + b"wrong"),
        ("deflate", zlib.compress(b"{}")[:-1]),
        ("deflate", zlib.compress(b"{}") + b"more"),
        ("deflate", b"\xff\xff\xff"),
    ],
)
async def test_a_damaged_body_is_refused(
    client: httpx.AsyncClient, encoding: str, body: bytes
) -> None:
    answer = await post(client, body, encoding)

    assert answer.status_code == 400
    assert problems(answer) == [("body.encoding", "")]


@pytest.mark.parametrize(
    "kind", ["application/yaml", "application/x-yaml; charset=utf-8", "text/yaml", "Text/X-YAML"]
)
async def test_yaml_is_taken_as_json_is(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/workflow?trigger=true&wait=20", content=YAML, headers={"Content-Type": kind}
    )

    assert answer.status_code == 200, answer.text
    [result] = answer.json()["results"]["aggregated_results"].values()
    assert "Greet Ada\nin French" in result["result"]


async def test_what_is_wrong_in_yaml_is_told_with_its_line(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/yaml"}
    syntax = await client.post("/workflow", content="name: a\ndag: [", headers=headers)
    wrong = YAML.replace("call_llm_service", "call_lm_service")
    handler = await client.post("/workflow", content=wrong, headers=headers)

    assert syntax.status_code == 400
    assert problems(syntax)[0][0].startswith("yaml.")
    assert "line 2" in syntax.json()["detail"]
    assert handler.status_code == 422
    assert problems(handler) == [("handler.unknown", "/dag/nodes/0/handler")]
    assert "line 6" in handler.json()["detail"]


async def test_a_packed_yaml_body_is_held_to_the_limit(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/yaml", "Content-Encoding": "gzip"}
    small = await client.post("/workflow", content=gzip.compress(YAML.encode()), headers=headers)
    bomb = gzip.compress(b"#" * (64 * BODY_LIMIT))
    large = await client.post("/workflow", content=bomb, headers=headers)

    assert (small.status_code, large.status_code) == (200, 413)


async def test_a_check_tells_everything_and_stores_nothing(
    client: httpx.AsyncClient, seed: Json
) -> None:
    good = await client.post("/workflow/validate", json=seed)
    seed["labls"] = {}
    seed["dag"]["nodes"][0]["handler"] = "call_extrnal_service"
    bad = await client.post("/workflow/validate", json=seed)

    assert (good.status_code, good.json()) == (200, {"valid": True, "problems": []})
    assert (bad.status_code, bad.json()["valid"]) == (200, False)
    places = {each["pointer"] for each in bad.json()["problems"]}
    assert {"/labls", "/dag/nodes/0/handler"} <= places
    assert (await client.get("/workflows")).json()["executions"] == []


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", "application/json", "json.syntax"),
        (b"", "application/json", "json.syntax"),
        (b"[]", "application/json", "document.type"),
        (b"a: [", "application/yaml", "yaml.syntax"),
    ],
)
async def test_a_check_of_what_cannot_be_read_says_so(
    client: httpx.AsyncClient, body: bytes, kind: str, code: str
) -> None:
    answer = await client.post("/workflow/validate", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 200
    assert answer.json()["valid"] is False
    assert [each["code"] for each in answer.json()["problems"]] == [code]


async def test_a_check_looks_at_the_input_too(client: httpx.AsyncClient, seed: Json) -> None:
    seed["input_schema"] = {"type": "object", "required": ["customer"]}

    answer = await client.post("/workflow/validate", json={**seed, "input": {}})

    assert answer.json()["valid"] is False
    assert [each["pointer"] for each in answer.json()["problems"]] == ["/input"]
