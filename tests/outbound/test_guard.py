"""What the guard refuses and lets through, from the outside: by what services get to see."""

import ssl
from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.builtin.service import POSTS, Service
from tests.outbound.names import Names
from tests.outbound.vectors import NAMES, NO_URLS, PUBLIC, SPELLINGS
from wfcore import NodeError
from wfcore.outbound.allow import AllowList
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.guard import Guard, resolve

Opened = Callable[..., OutboundClient]
EVERYWHERE = "0.0.0.0"


def everywhere() -> Service:
    return Service(EVERYWHERE)


@pytest.mark.parametrize("host", SPELLINGS)
async def test_a_special_address_is_refused_in_every_spelling(
    opened: Opened, failure: Any, host: str
) -> None:
    names = Names({})
    with everywhere() as service:
        url = f"http://{host.format(port=service.port)}/posts"
        error = await failure(opened(resolver=names).request("GET", url))
    assert (error.type, error.retryable) == ("OutboundRefused", False)
    assert SPELLINGS[host] in error.message
    assert service.log == []
    assert names.asked == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_refused_where_any_of_its_addresses_is_special(
    opened: Opened, failure: Any, name: str
) -> None:
    addresses, rule = NAMES[name]
    names = Names({name.lower().removesuffix("."): [addresses]})
    with everywhere() as service:
        client = opened(resolver=names)
        error = await failure(client.request("GET", f"http://{name}:{service.port}/posts"))
    assert (error.type, error.retryable) == ("OutboundRefused", False)
    assert rule in error.message
    assert service.log == []


@pytest.mark.parametrize("url", NO_URLS)
async def test_what_is_no_url_of_a_service_is_not_requested(
    opened: Opened, failure: Any, url: str
) -> None:
    names = Names({"example.com": [["127.0.0.1"]]})
    with everywhere() as service:
        client = opened("0.0.0.0/0", "::/0", resolver=names)
        error = await failure(client.request("GET", url.format(port=service.port)))
    assert (error.type, error.retryable) == ("InvalidUrl", False)
    assert service.log == []
    str(error).encode()


@pytest.mark.parametrize("address", PUBLIC)
async def test_global_addresses_pass(address: str) -> None:
    guard = Guard(AllowList(), Names({"name.example": [[address]]}))
    host = address if ":" in address or address[0].isdigit() else "name.example"
    assert len(await guard.addresses(host, 443)) == 1
    if not address.isdigit():
        found = await guard.addresses("name.example", 443)
        assert found == [getattr(ip_address(address), "ipv4_mapped", None) or ip_address(address)]


def test_there_are_enough_vectors() -> None:
    assert len(SPELLINGS) + len(NAMES) + len(NO_URLS) >= 160


async def test_a_refusal_names_the_rule_and_the_line_to_paste(
    opened: Opened, failure: Any, service: Service
) -> None:
    error = await failure(opened().request("GET", service.url("/posts?token=secret")))
    place = f"127.0.0.1:{service.port}"
    assert error.message == (
        f"{place} is refused by the outbound guard: a loopback address (127.0.0.0/8). "
        f"Whoever runs this process can open it: --allow {place} on the command line, "
        f"APP_OUTBOUND_ALLOW={place} in the environment"
    )
    assert error.details == {
        "allow": place,
        "address": "127.0.0.1",
        "rule": "a loopback address (127.0.0.0/8)",
    }


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("2130706433", "127.0.0.1:{port}"),
        ("[::ffff:127.0.0.1]", "127.0.0.1:{port}"),
        ("inner.example.", "inner.example:{port}"),
        ("[::0001]", "[::1]:{port}"),
    ],
)
async def test_the_line_to_paste_opens_what_was_refused(
    opened: Opened, failure: Any, host: str, entry: str
) -> None:
    names = Names({"inner.example": [["127.0.0.1"]]})
    with Service("::1" if "001]" in host else "127.0.0.1") as service:
        url = f"http://{host}:{service.port}/posts"
        error = await failure(opened(resolver=names).request("GET", url))
        assert error.details["allow"] == entry.format(port=service.port)
        client = opened(error.details["allow"], resolver=names)
        assert (await client.request("GET", url)).json() == POSTS


async def test_the_name_in_a_refusal_stands_beside_its_address(
    opened: Opened, failure: Any
) -> None:
    names = Names({"db.example": [["8.8.8.8", "10.1.2.3"]]})
    error = await failure(opened(resolver=names).request("GET", "https://db.example/"))
    assert error.message.startswith(
        "db.example:443 resolves to 10.1.2.3, which is refused by the outbound guard: "
        "a private address (10.0.0.0/8). "
    )


@pytest.mark.parametrize(
    ("allow", "passes"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:{port}", True),
        ("127.0.0.0/8", True),
        ("0.0.0.0/0", True),
        ("::ffff:127.0.0.1", True),
        ("[::ffff:127.0.0.1]:{port}", True),
        ("::ffff:127.0.0.0/104", True),
        ("0x7f.1", True),
        ("127.0.0.1:1", False),
        ("127.0.0.2", False),
        ("localhost", False),
        ("localhost:{port}", False),
        ("::1", False),
        ("::/0", False),
        ("10.0.0.0/8", False),
    ],
)
async def test_what_the_operator_opens_is_open_and_nothing_else(
    opened: Opened, failure: Any, service: Service, allow: str, passes: bool
) -> None:
    client = opened(allow.format(port=service.port))
    for url in (service.url("/posts"), f"http://127.1:{service.port}/posts"):
        if passes:
            assert (await client.request("GET", url)).json() == POSTS
        else:
            assert (await failure(client.request("GET", url))).type == "OutboundRefused"


@pytest.mark.parametrize(
    ("allow", "passes"),
    [
        ("inner.example", True),
        ("Inner.Example.", True),
        ("inner.example:{port}", True),
        ("127.0.0.1:{port}", True),
        ("inner.example:1", False),
        ("example", False),
        ("other.inner.example", False),
    ],
)
async def test_a_name_is_open_by_itself_or_by_its_address(
    opened: Opened, failure: Any, service: Service, allow: str, passes: bool
) -> None:
    names = Names({"inner.example": [["127.0.0.1"]]})
    client = opened(allow.format(port=service.port), resolver=names)
    for host in ("inner.example", "INNER.example."):
        request = client.request("GET", f"http://{host}:{service.port}/posts")
        if passes:
            assert (await request).json() == POSTS
        else:
            assert (await failure(request)).type == "OutboundRefused"


async def test_what_is_checked_is_what_is_connected_to(
    opened: Opened, failure: Any, service: Service
) -> None:
    """DNS rebinding: the second answer, right after the check, is another address."""
    names = Names({"rebind.example": [["127.0.0.1"], ["127.0.0.2"]]})
    with Service("127.0.0.2", port=service.port) as inner:
        client = opened("127.0.0.1", resolver=names)
        url = f"http://rebind.example:{service.port}/posts"
        assert (await client.request("GET", url)).json() == POSTS
        assert names.asked == ["rebind.example"]
        assert len(service.log) == 1
        fresh = opened("127.0.0.1", resolver=names)
        assert (await failure(fresh.request("GET", url))).type == "OutboundRefused"
    assert inner.log == []


async def test_the_service_sees_the_name_and_not_the_address(
    opened: Opened, service: Service
) -> None:
    names = Names({"inner.example": [["127.0.0.1"]]})
    client = opened("inner.example", resolver=names)
    seen = await client.request("GET", f"http://inner.example:{service.port}/echo")
    assert seen.json()["headers"]["host"] == f"inner.example:{service.port}"


async def test_tls_asks_for_the_name_and_not_for_the_address(opened: Opened, failure: Any) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(*_: object) -> None: ...

    server = await start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    client = opened("inner.example", resolver=Names({"inner.example": [["127.0.0.1"]]}))
    error = await failure(client.request("GET", f"https://inner.example:{port}/"))
    server.close()
    await server.wait_closed()
    assert (error.type, error.retryable) == ("ConnectionFailed", True)
    assert asked == ["inner.example"]


async def test_a_certificate_that_nobody_vouches_for_gets_no_request(
    opened: Opened, failure: Any, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed("inner.example", tmp_path))
    server = await start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    client = opened("inner.example", resolver=Names({"inner.example": [["127.0.0.1"]]}))
    error = await failure(client.request("GET", f"https://inner.example:{port}/"))
    server.close()
    await server.wait_closed()
    assert error.type == "ConnectionFailed"
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert b"".join(heard) == b""


def self_signed(name: str, folder: Path) -> Path:
    """Return a file with a key and a certificate for a name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = PrivateFormat.PKCS8
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, form, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


async def test_a_connection_made_for_one_name_serves_no_other(
    opened: Opened, failure: Any, service: Service
) -> None:
    names = Names({"open.example": [["127.0.0.1"]], "closed.example": [["127.0.0.1"]]})
    client = opened("open.example", resolver=names)
    await client.request("GET", f"http://open.example:{service.port}/posts")
    error = await failure(client.request("GET", f"http://closed.example:{service.port}/posts"))
    assert error.type == "OutboundRefused"


@pytest.mark.parametrize("answer", [["127.0.0.3", "127.0.0.1"], ["127.0.0.1", "127.0.0.3"]])
async def test_of_several_addresses_one_that_answers_is_enough(
    opened: Opened, service: Service, answer: list[str]
) -> None:
    client = opened("127.0.0.0/8", resolver=Names({"two.example": [answer]}))
    url = f"http://two.example:{service.port}/posts"
    assert (await client.request("GET", url)).json() == POSTS


async def test_where_no_address_answers_the_connection_failed(
    opened: Opened, failure: Any, service: Service
) -> None:
    names = Names({"two.example": [["127.0.0.3", "127.0.0.4"]], "none.example": [[]]})
    client = opened("127.0.0.0/8", resolver=names)
    for name in ("two.example", "none.example", "unknown.example"):
        error = await failure(client.request("GET", f"http://{name}:{service.port}/"))
        assert (error.type, error.retryable) == ("ConnectionFailed", True)


async def test_a_name_with_very_many_addresses_makes_no_more_than_eight_connections(
    opened: Opened, failure: Any, service: Service
) -> None:
    silent = [f"127.0.0.{at}" for at in range(10, 18)]
    names = Names({"many.example": [[*silent, "127.0.0.1"]]})
    client = opened("127.0.0.0/8", resolver=names)
    error = await failure(client.request("GET", f"http://many.example:{service.port}/"))
    assert (error.type, service.log) == ("ConnectionFailed", [])


async def test_the_systems_resolver_is_asked_by_default(
    opened: Opened, failure: Any, service: Service
) -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)
    error = await failure(opened().request("GET", f"http://localhost:{service.port}/posts"))
    assert error.type == "OutboundRefused"
    assert error.details["allow"] == f"localhost:{service.port}"
    client = opened(f"localhost:{service.port}")
    url = f"http://localhost:{service.port}/posts"
    assert (await client.request("GET", url)).json() == POSTS


def test_a_refusal_is_an_error_like_any_other() -> None:
    record = NodeError("OutboundRefused", "no", details={"allow": "h:1"}).record()
    assert record["retryable"] is False
